package collect

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestOnceAsksOnce(t *testing.T) {
	var once Once[string]
	asked := 0
	asking, told := make(chan struct{}), make(chan struct{})
	ask := func(context.Context) (string, error) {
		asked++
		close(asking)
		<-told
		return "answer", nil
	}
	var all sync.WaitGroup
	get := func() {
		if got, err := once.Get(t.Context(), ask); got != "answer" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	all.Go(get)
	<-asking
	for range 20 {
		all.Go(get)
	}
	close(told)
	all.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// A refusal is an answer: it will not be another for the next of a million
// stores. A call that was cut off is none.
func TestOnceRemembers(t *testing.T) {
	denied := errors.New("AccessDenied")
	for name, c := range map[string]struct {
		ask   func(context.Context, context.CancelFunc) error
		want  error
		twice bool
	}{
		"a refusal": {
			ask:  func(context.Context, context.CancelFunc) error { return denied },
			want: denied,
		},
		"a server that was too slow": {
			ask:  func(context.Context, context.CancelFunc) error { return context.DeadlineExceeded },
			want: context.DeadlineExceeded,
		},
		"a cancellation": {
			ask:   func(ctx context.Context, cancel context.CancelFunc) error { cancel(); return ctx.Err() },
			want:  context.Canceled,
			twice: true,
		},
		"whatever else came of a cancellation": {
			ask:   func(_ context.Context, cancel context.CancelFunc) error { cancel(); return denied },
			want:  denied,
			twice: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var once Once[int]
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if _, err := once.Get(ctx, func(ctx context.Context) (int, error) { return 0, c.ask(ctx, cancel) }); !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			twice := false
			_, err := once.Get(t.Context(), func(context.Context) (int, error) { twice = true; return 7, nil })
			if twice != c.twice || twice == (err != nil) {
				t.Errorf("asked again: %t, want %t; error %v", twice, c.twice, err)
			}
		})
	}
}
