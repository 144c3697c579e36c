package s3access

import (
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/andon-audit/andon/providers/aws/account"
)

// Client returns the account's S3 client of a region.
func Client(a *account.Account, region string) *s3.Client {
	return account.Shared(a, "s3 client "+region, func() *s3.Client {
		return s3.NewFromConfig(a.Config(region), func(o *s3.Options) {
			// Emulators and S3-compatible stores have no host per bucket.
			o.UsePathStyle = a.Custom
			// Sessions give access to data; configuration calls need none.
			o.DisableS3ExpressSessionAuth = new(true)
		})
	})
}

// ControlClient returns the account's S3 Control client of a region.
func ControlClient(a *account.Account, region string) *s3control.Client {
	return account.Shared(a, "s3control client "+region, func() *s3control.Client {
		return s3control.NewFromConfig(a.Config(region))
	})
}
