package loopback

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// Render spells a document in JSON: keys in order, and text as it is.
func Render(document any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		panic("loopback: " + err.Error()) // a world holds nothing that JSON cannot say
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Digest stands for what a cloud draws by lot: nothing here is random.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Token leads to the rest of a listing from an entry on. It is opaque, and good for
// that listing alone.
func Token(entry int, listing ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(entry) + ":" + Digest(listing...)[:8]))
}

// FromToken reads a token of a listing that has so many entries.
func FromToken(token string, entries int, listing ...string) (entry int, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	digits, digest, _ := strings.Cut(string(text), ":")
	entry, err = strconv.Atoi(digits)
	return entry, err == nil && entry >= 0 && entry <= entries && digest == Digest(listing...)[:8]
}
