package table

import "container/heap"

// worst keeps the first few of a stream by an order, in a heap whose root is
// the next to go. It is what bounds the table's memory: what it holds together
// never weighs more than the limit.
type worst[T any] struct {
	limit   int
	compare func(a, b T) int // negative when a is listed before b
	weight  func(T) int      // how many rows it takes, from 1 to limit
	kept    []T
	held    int // the weight of kept
	dropped int // how many were not kept
}

func newWorst[T any](limit int, compare func(a, b T) int, weight func(T) int) *worst[T] {
	return &worst[T]{limit: limit, compare: compare, weight: weight}
}

func one[T any](T) int { return 1 }

// admits reports whether x would be kept, before anybody describes it in full.
func (w *worst[T]) admits(x T) bool {
	return w.held < w.limit || w.compare(x, w.kept[0]) < 0
}

// add keeps x or drops it, or drops others for it.
func (w *worst[T]) add(x T) {
	if !w.admits(x) {
		w.dropped++
		return
	}
	heap.Push(w, x)
	w.held += w.weight(x)
	for w.held > w.limit {
		w.held -= w.weight(heap.Pop(w).(T))
		w.dropped++
	}
}

// sorted empties the heap in the order of listing.
func (w *worst[T]) sorted() []T {
	all := make([]T, len(w.kept))
	for i := len(all) - 1; i >= 0; i-- {
		all[i] = heap.Pop(w).(T)
	}
	return all
}

// Len, Less, Swap, Push and Pop are heap.Interface's.
func (w *worst[T]) Len() int           { return len(w.kept) }
func (w *worst[T]) Less(i, j int) bool { return w.compare(w.kept[i], w.kept[j]) > 0 }
func (w *worst[T]) Swap(i, j int)      { w.kept[i], w.kept[j] = w.kept[j], w.kept[i] }
func (w *worst[T]) Push(x any)         { w.kept = append(w.kept, x.(T)) }

func (w *worst[T]) Pop() any {
	last := len(w.kept) - 1
	x := w.kept[last]
	var none T
	w.kept[last] = none // let go of what it holds
	w.kept = w.kept[:last]
	return x
}
