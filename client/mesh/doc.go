// Package mesh makes HTTP calls by the name of a service: a call to http://payments/charge finds the instances of
// payments, goes to the one that is best off, avoids those that fail, tries again elsewhere where that does no harm, and
// is traced. It takes no proxy and asks no registry on the way.
//
// It owns
//   - [Transport], an [net/http.RoundTripper] over any source of instances, such as a client.Client;
//   - which calls may be sent again, see [Retryable], where to, how often and within which [Budget];
//   - [Hedging], and holding calls back while a service itself rejects them;
//   - the spans and metrics of each try, by OpenTelemetry's conventions for HTTP;
//   - [Handler], for the other side: spans, metrics, and the report of the server's load that package lb chooses by.
//
// The URL keeps the name of the service. The instance is chosen where the connection is dialed, so the Host header, the
// server name of TLS, cookies and telemetry are those of the service, whichever instance answers.
//
// # Promises
//
//   - A request that an instance may have got is sent again only if its method is idempotent or the caller says that it
//     does no harm. One that was certainly not sent goes elsewhere, whatever its method.
//   - A retry goes to an instance that this call has not been to, as long as there is one.
//   - Retries and hedges of a service together stay within its budget. Where no retry is allowed or possible, the caller
//     gets the last answer there was, and an error only where there was none.
//   - A try ends with the body of its response: until then it counts as in flight, and its context lives.
//   - Nothing stays behind a call: no goroutine, and no connection that somebody else could not use.
//
// It never follows redirects, keeps cookies or chooses instances itself: those are net/http's and package lb's. Of
// OpenTelemetry it uses the API only, which costs next to nothing where no SDK is installed.
package mesh
