package restapi

import "sync"

// Shared returns the value that all collectors hold in common under a key,
// making it the first time: a fact that is asked for once.
func Shared[T any](values *sync.Map, key string, make func() *T) *T {
	if found, ok := values.Load(key); ok {
		if value, ok := found.(*T); ok {
			return value
		}
	}
	stored, _ := values.LoadOrStore(key, make())
	value, ok := stored.(*T)
	if !ok {
		panic("restapi: " + key + " is shared as two types")
	}
	return value
}
