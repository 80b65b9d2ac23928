//! A cache of running sessions, which saves a database query per request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    ActiveSession, Command, Credentials, Email, Limit, ListedAccount, LoginIdentifier, NewLimits, PasswordHash,
    SessionId, SessionPosition, Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{
    AccountRepository, NewSession, RotationOutcome, SessionRepository, TokenOwner, TokenRotation,
};
use tokio::time::Instant;

/// The maximum age of an entry, counted from before the query. A session ended elsewhere ends here within this time.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The maximum number of cached sessions.
const MAX_ENTRIES: usize = 50_000;

/// Caches running sessions for a second, and evicts those that end through it at once.
///
/// Wraps both ports that end sessions: an instance sees the sessions that it ended itself at once, and those ended by
/// other instances after at most a second. Only running sessions are cached, never that a session does not run.
pub struct SessionCache {
    sessions: Arc<dyn SessionRepository>,
    accounts: Arc<dyn AccountRepository>,
    cached: CachedSessions,
}

/// The cached sessions.
#[derive(Default)]
struct CachedSessions(Mutex<CacheState>);

#[derive(Default)]
struct CacheState {
    running: HashMap<SessionId, CachedSession>,
    /// The number of evictions. The result of a query that started before an eviction is not cached after it.
    invalidations: u64,
}

struct CachedSession {
    user: UserId,
    username: String,
    queried_at: Instant,
}

/// The sessions that may have ended.
#[derive(Clone, Copy)]
enum Invalidation {
    One(SessionId),
    AllOf(UserId),
}

/// Evicts on drop, so also if the future that ends the sessions is cancelled.
struct InvalidateOnDrop<'a>(&'a CachedSessions, Invalidation);

impl Drop for InvalidateOnDrop<'_> {
    fn drop(&mut self) {
        self.0.invalidate(self.1);
    }
}

impl CachedSessions {
    fn state(&self) -> MutexGuard<'_, CacheState> {
        // No panic under the lock can leave the state inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The username of a cached session; otherwise the eviction count to pass to [`insert`](Self::insert).
    fn find(&self, session: SessionId, user: UserId, now: Instant) -> std::result::Result<String, u64> {
        let state = self.state();
        let fresh = |running: &&CachedSession| {
            running.user == user && now.saturating_duration_since(running.queried_at) < MAX_AGE
        };
        let running = state.running.get(&session).filter(fresh);
        running.map(|running| running.username.clone()).ok_or(state.invalidations)
    }

    fn insert(&self, session: SessionId, running: CachedSession, before: u64) {
        let mut state = self.state();
        if state.invalidations != before {
            return;
        }
        if state.running.len() >= MAX_ENTRIES {
            let now = running.queried_at;
            state.running.retain(|_, running| now.saturating_duration_since(running.queried_at) < MAX_AGE);
        }
        // If the cache is full of fresh sessions, the others query the database.
        if state.running.len() < MAX_ENTRIES {
            state.running.insert(session, running);
        }
    }

    fn invalidate(&self, ended: Invalidation) {
        let mut state = self.state();
        state.invalidations += 1;
        match ended {
            Invalidation::One(session) => drop(state.running.remove(&session)),
            Invalidation::AllOf(user) => state.running.retain(|_, running| running.user != user),
        }
    }
}

impl SessionCache {
    /// Wraps these ports.
    #[must_use]
    pub fn new(sessions: Arc<dyn SessionRepository>, accounts: Arc<dyn AccountRepository>) -> Self {
        Self { sessions, accounts, cached: CachedSessions::default() }
    }

    fn invalidate_on_drop(&self, ended: Invalidation) -> InvalidateOnDrop<'_> {
        InvalidateOnDrop(&self.cached, ended)
    }
}

#[async_trait]
impl SessionRepository for SessionCache {
    async fn start(&self, command: &Command, new_session: &NewSession) -> Result<()> {
        self.sessions.start(command, new_session).await
    }

    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>> {
        let queried_at = Instant::now();
        let before = match self.cached.find(session, user, queried_at) {
            Ok(username) => return Ok(Some(username)),
            Err(before) => before,
        };
        let found = self.sessions.find_username(session, user, now).await?;
        if let Some(username) = &found {
            self.cached.insert(session, CachedSession { user, username: username.clone(), queried_at }, before);
        }
        Ok(found)
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>> {
        self.sessions.find_by_token(token).await
    }

    async fn refresh(&self, command: &Command, rotation: &TokenRotation) -> Result<RotationOutcome> {
        // Reusing a token ends its session. Only the store knows which one; its user is the actor.
        let _invalidation = command.actor.map(|user| self.invalidate_on_drop(Invalidation::AllOf(user)));
        self.sessions.refresh(command, rotation).await
    }

    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()> {
        let _invalidation = self.invalidate_on_drop(Invalidation::One(session));
        self.sessions.end(command, session, user).await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<ActiveSession>> {
        self.sessions.list(user, now, after, limit).await
    }

    async fn find_addresses(&self, identifier: &LoginIdentifier, now: Timestamp) -> Result<Vec<String>> {
        self.sessions.find_addresses(identifier, now).await
    }

    async fn prune_ended(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.sessions.prune_ended(before, max).await
    }

    async fn prune_tokens(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.sessions.prune_tokens(before, max).await
    }
}

#[async_trait]
impl AccountRepository for SessionCache {
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>> {
        self.accounts.find_credentials_of(user).await
    }

    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool> {
        self.accounts.change_email(command, user, email).await
    }

    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()> {
        let _invalidation = self.invalidate_on_drop(Invalidation::AllOf(user));
        self.accounts.change_password(command, user, proven, hash).await
    }

    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()> {
        let _invalidation = self.invalidate_on_drop(Invalidation::AllOf(user));
        self.accounts.delete(command, user, proven).await
    }

    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
        let _invalidation = self.invalidate_on_drop(Invalidation::AllOf(user));
        self.accounts.set_disabled(command, user, disabled).await
    }

    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()> {
        self.accounts.set_quota(command, user, limits).await
    }

    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>> {
        self.accounts.list_accounts(after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use clouddrive_domain::model::RequestId;
    use clouddrive_domain::port::{MockAccountRepository, MockSessionRepository};
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId::from_uuid(Uuid::from_u128(1));
    const BEN: UserId = UserId::from_uuid(Uuid::from_u128(2));
    const HERE: SessionId = SessionId::from_uuid(Uuid::from_u128(10));
    const THERE: SessionId = SessionId::from_uuid(Uuid::from_u128(11));
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    /// A cache over a store in which every session runs, and the number of queries.
    fn cache() -> (SessionCache, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let mut sessions = MockSessionRepository::new();
        sessions.expect_find_username().returning(move |_, _, _| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Some("ann".to_owned()))
        });
        sessions.expect_end().returning(|_, _, _| Ok(()));
        sessions.expect_refresh().returning(|_, _| Ok(RotationOutcome::Reused));
        let mut accounts = MockAccountRepository::new();
        accounts.expect_change_password().returning(|_, _, _, _| Ok(()));
        accounts.expect_delete().returning(|_, _, _| Ok(()));
        accounts.expect_set_disabled().returning(|_, _, _| Ok(true));
        (SessionCache::new(Arc::new(sessions), Arc::new(accounts)), asked)
    }

    fn command() -> Command {
        Command { actor: Some(ANN), at: NOW, request: RequestId::parse("request-7").unwrap(), idempotency_record: None }
    }

    async fn ask(cache: &SessionCache, session: SessionId, user: UserId) {
        assert_eq!(cache.find_username(session, user, NOW).await.unwrap().as_deref(), Some("ann"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_is_asked_once_a_second_for_each_session() {
        let (cache, asked) = cache();
        for _ in 0..5 {
            ask(&cache, HERE, ANN).await;
            ask(&cache, THERE, ANN).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        advance(MAX_AGE - Duration::from_millis(1)).await;
        ask(&cache, HERE, ANN).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        advance(Duration::from_millis(1)).await;
        ask(&cache, HERE, ANN).await;
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_known_as_its_users_alone() {
        let (cache, asked) = cache();
        ask(&cache, HERE, ANN).await;
        ask(&cache, HERE, BEN).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn inactive_sessions_are_not_cached() {
        let mut sessions = MockSessionRepository::new();
        sessions.expect_find_username().times(2).returning(|_, _, _| Ok(None));
        let cache = SessionCache::new(Arc::new(sessions), Arc::new(MockAccountRepository::new()));
        for _ in 0..2 {
            assert_eq!(cache.find_username(HERE, ANN, NOW).await.unwrap(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_ended_through_the_cache_end_at_once() {
        let (cache, asked) = cache();
        let token = clouddrive_domain::model::RefreshToken::parse(&"A".repeat(43)).unwrap().hash();
        let rotation = TokenRotation {
            presented: token,
            next: token,
            expires_at: NOW,
            grace: MAX_AGE,
            address: None,
            user_agent: None,
        };
        for turn in 0..5 {
            ask(&cache, HERE, ANN).await;
            ask(&cache, THERE, BEN).await;
            let before = asked.load(Ordering::Relaxed);
            match turn {
                0 => cache.end(&command(), HERE, ANN).await.unwrap(),
                1 => drop(cache.refresh(&command(), &rotation).await.unwrap()),
                2 => cache.change_password(&command(), ANN, None, &PasswordHash::new(String::new())).await.unwrap(),
                3 => cache.delete(&command(), ANN, 0).await.unwrap(),
                _ => drop(cache.set_disabled(&command(), ANN, true).await.unwrap()),
            }
            ask(&cache, HERE, ANN).await;
            ask(&cache, THERE, BEN).await;
            assert_eq!(asked.load(Ordering::Relaxed), before + 1, "{turn}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_from_before_an_invalidation_is_not_cached() {
        let (cache, asked) = cache();
        let before = cache.cached.find(HERE, ANN, Instant::now()).unwrap_err();
        cache.end(&command(), THERE, BEN).await.unwrap();
        let late = CachedSession { user: ANN, username: "ann".to_owned(), queried_at: Instant::now() };
        cache.cached.insert(HERE, late, before);
        ask(&cache, HERE, ANN).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_cache_size_is_bounded() {
        let (cache, _) = cache();
        let session = |number: usize| SessionId::from_uuid(Uuid::from_u128(number as u128));
        for number in 0..MAX_ENTRIES + 10 {
            ask(&cache, session(number), ANN).await;
        }
        assert_eq!(cache.cached.state().running.len(), MAX_ENTRIES);
        advance(MAX_AGE).await;
        ask(&cache, session(MAX_ENTRIES + 10), ANN).await;
        assert_eq!(cache.cached.state().running.len(), 1);
    }
}
