//! One request in, one response out.
//!
//! Answers are made in place from memory: no route waits for anything, so a probe is answered
//! while the broker is away and a slow client holds nothing but its own socket. Request bodies are
//! never read; a connection that carries one is closed after the answer.

use crate::text::one_line;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes},
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use std::{borrow::Cow, error::Error, time::Duration};
use uuid::Uuid;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Why the metrics could not be rendered.
pub(crate) type ProbeError = Box<dyn Error + Send + Sync>;

/// What the routes ask the daemon.
///
/// All are called on the I/O thread and must return at once.
pub(crate) trait Probe: Send + Sync + 'static {
    /// The metrics in the Prometheus text format, version 0.0.4.
    ///
    /// # Errors
    ///
    /// Whatever kept them from being rendered; it is logged, and the scrape gets a 500.
    fn metrics(&self) -> Result<String, ProbeError>;

    /// `Ok` while calls are being answered.
    ///
    /// # Errors
    ///
    /// One line that tells an operator why not, such as "not connected to the broker".
    fn readiness(&self) -> Result<(), Cow<'static, str>>;

    /// The state of the daemon, as JSON.
    ///
    /// # Errors
    ///
    /// As of [`Probe::metrics`].
    fn status(&self) -> Result<String, ProbeError>;

    /// The state of the daemon, as a page in HTML. Its inline style and script carry the nonce,
    /// and nothing else of it is executed.
    fn page(&self, nonce: &str) -> String;
}

/// Answers one request.
pub(super) fn respond<B: Body>(request: &Request<B>, probe: &impl Probe) -> Response<Full<Bytes>> {
    let mut response = match request.uri().path() {
        "/" | "/status" | "/metrics" | "/livez" | "/readyz" if !is_read(request.method()) => {
            if request.method() == Method::OPTIONS {
                options(probe)
            } else {
                method_not_allowed()
            }
        }
        "/" => page(probe),
        "/status" => rendered("status", probe.status(), JSON),
        "/metrics" => rendered("metrics", probe.metrics(), EXPOSITION),
        "/livez" => plain(StatusCode::OK, "ok\n"),
        "/readyz" => readyz(probe),
        _ => plain(
            StatusCode::NOT_FOUND,
            "not found; there are /, /status, /metrics, /livez and /readyz\n",
        ),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !request.body().is_end_stream() {
        // The unread body would otherwise be taken for the next request.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What an answer costs, as a share of a second for all peers together: a hundred answers that are
/// rendered take some hundredths of what the thread can do.
pub(super) fn cost<B>(request: &Request<B>) -> Duration {
    match request.uri().path() {
        "/" | "/status" | "/metrics" => Duration::from_millis(10),
        _ => Duration::from_millis(1),
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn rendered(
    what: &str,
    text: Result<String, ProbeError>,
    kind: HeaderValue,
) -> Response<Full<Bytes>> {
    match text {
        Ok(text) => {
            let mut response = plain(StatusCode::OK, text);
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        Err(error) => {
            tracing::error!(%error, "cannot render the {what}");
            let message = format!("cannot render the {what}; see the log\n");
            plain(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}

fn page(probe: &impl Probe) -> Response<Full<Bytes>> {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let policy = match HeaderValue::try_from(policy) {
        Ok(policy) => policy,
        Err(error) => return rendered("page", Err(error.into()), HTML),
    };
    let mut response = rendered("page", Ok(probe.page(&nonce)), HTML);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn readyz(probe: &impl Probe) -> Response<Full<Bytes>> {
    match probe.readiness() {
        Ok(()) => plain(StatusCode::OK, "ok\n"),
        Err(why) => {
            let line = one_line(&why);
            plain(StatusCode::SERVICE_UNAVAILABLE, format!("{line}\n"))
        }
    }
}

/// A load balancer that is told no more than an address asks so whether calls are answered: `HAProxy`
/// sends `OPTIONS / HTTP/1.0`, and takes any 2xx or 3xx for yes.
fn options(probe: &impl Probe) -> Response<Full<Bytes>> {
    let mut response = readyz(probe);
    response.headers_mut().insert(ALLOW, ALLOWED);
    response
}

fn method_not_allowed() -> Response<Full<Bytes>> {
    let mut response =
        plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET or HEAD\n");
    response.headers_mut().insert(ALLOW, ALLOWED);
    response
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PLAIN);
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    /// Says the same thing to every question.
    struct Fixed(Result<(), &'static str>);

    impl Probe for Fixed {
        fn metrics(&self) -> Result<String, ProbeError> {
            self.0.map(|()| "up 1\n".to_owned()).map_err(Into::into)
        }

        fn readiness(&self) -> Result<(), Cow<'static, str>> {
            self.0.map_err(Cow::Borrowed)
        }

        fn status(&self) -> Result<String, ProbeError> {
            self.0.map(|()| "{}".to_owned()).map_err(Into::into)
        }

        fn page(&self, nonce: &str) -> String {
            format!("<style nonce=\"{nonce}\"></style>")
        }
    }

    fn get(path: &str, probe: &Fixed) -> Response<Full<Bytes>> {
        let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
        respond(&request, probe)
    }

    #[test]
    fn a_failed_rendering_is_a_500_that_does_not_show_the_error() {
        for path in ["/metrics", "/status"] {
            let response = get(path, &Fixed(Err("secret")));
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!format!("{response:?}").contains("secret"));
        }
    }

    #[test]
    fn a_page_runs_what_it_brings_and_nothing_else() {
        let policy = |response: &Response<Full<Bytes>>| {
            response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        let first = get("/", &Fixed(Ok(())));
        let said = policy(&first);
        assert!(said.starts_with("default-src 'none'; "), "{said}");
        assert!(!said.contains("unsafe") && !said.contains("http"), "{said}");
        let (_, nonce) = said.split_once("script-src 'nonce-").unwrap();
        let (nonce, _) = nonce.split_once('\'').unwrap();
        assert_eq!(nonce.len(), 32);
        assert!(format!("{:?}", first.body()).contains(nonce), "{first:?}");
        assert_ne!(said, policy(&get("/", &Fixed(Ok(())))), "never the same");
    }

    #[test]
    fn the_reason_is_one_line_whatever_the_daemon_says() {
        let response = get("/readyz", &Fixed(Err("one\r\ntwo")));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(format!("{:?}", response.body()).contains(r"one  two\n"));
    }

    /// There is one format; Prometheus goes by the type that the answer names.
    #[test]
    fn metrics_are_the_same_whatever_is_accepted() {
        for accept in ["*/*", "application/openmetrics-text; version=1.0.0", "text/html", "?"] {
            let request = Request::get("/metrics").header("accept", accept);
            let response = respond(&request.body(Empty::<Bytes>::new()).unwrap(), &Fixed(Ok(())));
            assert_eq!(response.status(), StatusCode::OK, "{accept}");
            assert_eq!(response.headers()[CONTENT_TYPE], EXPOSITION, "{accept}");
        }
    }

    #[test]
    fn options_say_whether_calls_are_answered() {
        for path in ["/", "/readyz", "/metrics"] {
            for (ready, status) in [(Ok(()), 200), (Err("no broker"), 503)] {
                let request = Request::options(path).body(Empty::<Bytes>::new()).unwrap();
                let response = respond(&request, &Fixed(ready));
                assert_eq!(response.status(), status, "{path}");
                assert_eq!(response.headers()[ALLOW], "GET, HEAD, OPTIONS", "{path}");
            }
        }
    }

    #[test]
    fn liveness_does_not_depend_on_anything() {
        let response = get("/livez", &Fixed(Err("no broker")));
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[test]
    fn the_query_and_an_absolute_target_do_not_matter() {
        for path in ["/readyz?verbose", "/readyz?", "http://proxy.example:9674/readyz"] {
            assert_eq!(get(path, &Fixed(Ok(()))).status(), StatusCode::OK, "{path}");
        }
        for path in ["/readyz/", "//readyz", "/READYZ", "/%72eadyz", "/status/", "/index.html"] {
            let status = get(path, &Fixed(Ok(()))).status();
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn only_a_request_with_a_body_costs_the_connection() {
        let request = Request::get("/livez").body(Full::new(Bytes::from("x")));
        let response = respond(&request.unwrap(), &Fixed(Ok(())));
        assert_eq!(response.headers()[CONNECTION], "close");
        let response = get("/livez", &Fixed(Ok(())));
        assert!(!response.headers().contains_key(CONNECTION));
    }
}
