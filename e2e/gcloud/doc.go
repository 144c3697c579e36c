// Package gcloud tests the built binary against Google's own client, from
// outside: both read the same loopback Google Cloud, and must see the same
// stores under the same policies. It is run by make e2e, behind the build tag
// e2e.
//
// What gcloud and bq are right about is how the APIs are asked and what their
// answers mean: they are Google's, and nobody of this project wrote them. They
// are pointed at package gcptest by their own settings, without credentials and
// behind a proxy that is not there, so that whatever they would ask beyond
// loopback fails. What a configuration opens is not theirs to say: each row of
// the tables states the level that Google's documented rules give it, and the
// rule. What gcptest answers is not Google's either; that both clients can live
// with it is a part of what is tried here.
//
// ONLY THE AGREEMENT NEEDS GCLOUD. Where it is not installed, its tests are
// skipped, which go test shows with -v alone; where they are required, in CI or
// by ANDON_E2E=required, they fail instead, so that no green run leaves them out
// there. A machine that is not to have gcloud says so with ANDON_GCLOUD=absent,
// which is then to be read in its configuration. TestClient prints which of these
// it was. Everything else in the package, what andon makes of refusals, storms and
// torn pages of a whole project, runs everywhere.
package gcloud
