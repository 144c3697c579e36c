package collect

import (
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/resource"
)

// Search is how a provider looks for the accounts that it audits.
type Search struct {
	Provider string
	Unit     string // what it calls an account: "project"
	Where    string // where it looks: the id of a folder, or "every project"
	// Permission returns the one that a call needs.
	Permission func(call string) string
	Role       string // that lets an identity see accounts: "roles/browser"
	Flag       string // that names accounts: "--project"
	// Refusal reads an error of the search.
	Refusal func(error) Refusal
}

// Found returns the scopes of the accounts that were found, by id, each once. Where
// err says that the search did not come to its end, the ledger gets a line of it,
// or, where nothing was found, the reader a sentence.
func (s Search) Found(accounts []string, err error) ([]resource.Scope, error) {
	slices.Sort(accounts)
	accounts = slices.Compact(accounts)
	scopes := make([]resource.Scope, len(accounts))
	for i, account := range accounts {
		scopes[i] = resource.Scope{Provider: s.Provider, Account: account}
	}
	switch {
	case err == nil && len(scopes) == 0:
		return nil, fmt.Errorf("this identity sees no %s (grant it %s, or name %ss with %s)", s.Unit, s.Role, s.Unit, s.Flag)
	case err == nil:
		return scopes, nil
	case len(scopes) == 0:
		return nil, s.none(s.Refusal(err))
	default:
		return scopes, s.partial(s.Refusal(err))
	}
}

// none is a search that found nothing.
func (s Search) none(refusal Refusal) error {
	err := fmt.Errorf("list %ss (%s): %s", s.Unit, s.Where, refusal.String())
	if refusal.Reason == resource.Denied || refusal.Gone {
		return fmt.Errorf("%w (name one that this identity may see, or grant it %s there)", err, s.Role)
	}
	return err
}

// partial is a search that may have missed some.
func (s Search) partial(refusal Refusal) error {
	refusal.Detail = "not every " + s.Unit + " could be found: " + refusal.Detail
	return &PartialScopesError{
		Scope: resource.Scope{Provider: s.Provider, Account: s.Where}, Kind: resource.Kind(s.Provider + "." + s.Unit),
		Permission: s.Permission(refusal.Call), Refusal: refusal,
	}
}
