use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use async_trait::async_trait;
use clouddrive_contract::Code;
use clouddrive_domain::caller::{Caller, set_caller};
use clouddrive_domain::model::{Actor, Credential};
use clouddrive_domain::service::AccountService;

use super::{AuthScheme, SchemeResult};
use crate::extract::{CurrentUser, origin_of};
use crate::problem::Problem;

/// Access tokens of sessions, as bearer tokens (RFC 6750).
pub struct Bearer {
    accounts: Arc<AccountService>,
}

impl Bearer {
    pub fn new(accounts: Arc<AccountService>) -> Self {
        Self { accounts }
    }

    /// Identifies the caller. From here on, including the session lookup, database work is attributed to that user.
    async fn identify(&self, request: &HttpRequest, token: &str) -> Result<CurrentUser, Problem> {
        let claims = self.accounts.verify(token)?;
        set_caller(Caller::User(claims.user));
        let identity = self.accounts.authenticate(claims).await?;
        let actor = Actor {
            user: identity.user,
            credential: Credential::Session(identity.session),
            scopes: identity.scopes,
            origin: origin_of(request)?,
            idempotency_record: None,
        };
        Ok(CurrentUser { identity, actor })
    }
}

#[async_trait(?Send)]
impl AuthScheme for Bearer {
    fn name(&self) -> &'static str {
        "Bearer"
    }

    fn usage(&self) -> &'static str {
        "Authorization: Bearer <access_token>"
    }

    fn challenge(&self, code: Code) -> &'static str {
        match code {
            Code::InvalidToken | Code::TokenExpired => "Bearer error=\"invalid_token\"",
            _ => self.name(),
        }
    }

    async fn authenticate(&self, request: &HttpRequest) -> SchemeResult {
        let Some(token) = token(request, self.name()) else {
            return SchemeResult::NotRequested;
        };
        match self.identify(request, token).await {
            Ok(user) => SchemeResult::Authenticated(Box::new(user)),
            Err(problem) => SchemeResult::Failed(problem),
        }
    }
}

/// The token of the request, if it has one of this `scheme`.
fn token<'a>(request: &'a HttpRequest, scheme: &str) -> Option<&'a str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (given, token) = header.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| token.trim())
}
