//! Authentication: each mount of the URL tree has a list of schemes, which are asked in order.

mod bearer;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use async_trait::async_trait;
use clouddrive_contract::Code;

pub use bearer::Bearer;

use crate::extract::CurrentUser;
use crate::problem::Problem;

/// What a scheme found in a request.
pub enum SchemeResult {
    /// No credential of this scheme: the next one is asked.
    NotRequested,
    /// A credential of this scheme that is not valid.
    Failed(Problem),
    /// A valid credential of this caller.
    Authenticated(Box<CurrentUser>),
}

/// A way to authenticate requests.
#[async_trait(?Send)]
pub trait AuthScheme: Send + Sync {
    /// The name of the scheme in challenges.
    fn name(&self) -> &'static str;

    /// The header to send, for the refusal of requests without credentials.
    fn usage(&self) -> &'static str;

    /// The challenge in the response to a request that was refused with `code`.
    fn challenge(&self, code: Code) -> &'static str;

    /// Looks for a credential and verifies it. Database work is attributed to that caller from then on.
    async fn authenticate(&self, request: &HttpRequest) -> SchemeResult;
}

/// The schemes of a mount, as its application data; a scope may have its own.
pub struct Schemes(Vec<Box<dyn AuthScheme>>);

impl Schemes {
    pub fn new(schemes: Vec<Box<dyn AuthScheme>>) -> Self {
        Self(schemes)
    }

    /// The caller, by the first scheme whose credential the request has.
    pub async fn authenticate(&self, request: &HttpRequest) -> Result<CurrentUser, Problem> {
        for scheme in &self.0 {
            match scheme.authenticate(request).await {
                SchemeResult::NotRequested => {}
                SchemeResult::Failed(problem) => return Err(problem),
                SchemeResult::Authenticated(user) => return Ok(*user),
            }
        }
        let usages: Vec<&str> = self.0.iter().map(|scheme| scheme.usage()).collect();
        Err(Problem::new(Code::Unauthenticated, format!("send {}", usages.join(", or "))))
    }

    /// The challenges in a response with `code`: one of each scheme if authentication was refused, else none.
    pub fn challenges(&self, code: Code) -> impl Iterator<Item = HeaderValue> {
        let refused =
            matches!(code, Code::Unauthenticated | Code::InvalidToken | Code::TokenExpired | Code::InvalidCredentials);
        let schemes = self.0.iter().filter(move |_| refused);
        schemes.map(move |scheme| HeaderValue::from_static(scheme.challenge(code)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// A scheme that refuses requests with a header of its name.
    struct Named(&'static str);

    #[async_trait(?Send)]
    impl AuthScheme for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn usage(&self) -> &'static str {
            self.0
        }

        fn challenge(&self, _: Code) -> &'static str {
            self.name()
        }

        async fn authenticate(&self, request: &HttpRequest) -> SchemeResult {
            match request.headers().contains_key(self.0) {
                true => SchemeResult::Failed(Problem::new(Code::InvalidToken, self.0)),
                false => SchemeResult::NotRequested,
            }
        }
    }

    fn schemes() -> Schemes {
        Schemes::new(vec![Box::new(Named("first")), Box::new(Named("second"))])
    }

    async fn refusal(headers: &[&'static str]) -> (Code, String) {
        let request = headers.iter().fold(TestRequest::default(), |request, name| request.append_header((*name, "x")));
        let problem = schemes().authenticate(&request.to_http_request()).await.err().unwrap();
        (problem.code, problem.detail)
    }

    #[actix_web::test]
    async fn the_first_scheme_that_has_a_credential_decides() {
        assert_eq!(refusal(&["second", "first"]).await, (Code::InvalidToken, "first".to_owned()));
        assert_eq!(refusal(&["second"]).await, (Code::InvalidToken, "second".to_owned()));
        assert_eq!(refusal(&[]).await, (Code::Unauthenticated, "send first, or second".to_owned()));
    }

    #[test]
    fn every_scheme_challenges_a_request_that_is_not_authenticated_and_no_other() {
        let challenges = |code| schemes().challenges(code).collect::<Vec<_>>();
        assert_eq!(challenges(Code::Unauthenticated), ["first", "second"]);
        assert_eq!(challenges(Code::LinkPasswordRequired), Vec::<HeaderValue>::new());
    }
}
