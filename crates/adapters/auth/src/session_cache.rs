//! A cache of running sessions, which saves a database query per request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Command, Credentials, Email, Handle, Limit, ListedAccount, NewLimits, PasswordHash, RunningSession, SessionId,
    SessionPosition, Timestamp, TokenHash, UserId,
};
use clouddrive_domain::port::{Accounts, Opened, Renewal, Rotation, Sessions, TokenOwner};
use tokio::time::Instant;

/// The maximum age of an entry, counted from before the query. A session ended elsewhere ends here within this time.
const AGE: Duration = Duration::from_secs(1);

/// The maximum number of cached sessions.
const MOST: usize = 50_000;

/// Caches running sessions for a second, and evicts those that end through it at once.
///
/// Wraps both ports that end sessions: an instance sees the sessions that it ended itself at once, and those ended by
/// other instances after at most a second. Only running sessions are cached, never that a session does not run.
pub struct SessionCache {
    sessions: Arc<dyn Sessions>,
    accounts: Arc<dyn Accounts>,
    known: Known,
}

/// The cached sessions.
#[derive(Default)]
struct Known(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    running: HashMap<SessionId, Running>,
    /// The number of evictions. The result of a query that started before an eviction is not cached after it.
    forgotten: u64,
}

struct Running {
    user: UserId,
    username: String,
    asked: Instant,
}

/// The sessions that may have ended.
#[derive(Clone, Copy)]
enum Ended {
    One(SessionId),
    AllOf(UserId),
}

/// Evicts on drop, so also if the future that ends the sessions is cancelled.
struct Forgetting<'a>(&'a Known, Ended);

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

impl Known {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // No panic under the lock can leave the memory inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The username of a cached session; otherwise the eviction count to pass to [`remember`](Self::remember).
    fn find(&self, session: SessionId, user: UserId, now: Instant) -> std::result::Result<String, u64> {
        let memory = self.memory();
        let fresh = |running: &&Running| running.user == user && now.saturating_duration_since(running.asked) < AGE;
        let running = memory.running.get(&session).filter(fresh);
        running.map(|running| running.username.clone()).ok_or(memory.forgotten)
    }

    fn remember(&self, session: SessionId, running: Running, before: u64) {
        let mut memory = self.memory();
        if memory.forgotten != before {
            return;
        }
        if memory.running.len() >= MOST {
            let now = running.asked;
            memory.running.retain(|_, running| now.saturating_duration_since(running.asked) < AGE);
        }
        // If the cache is full of fresh sessions, the others query the database.
        if memory.running.len() < MOST {
            memory.running.insert(session, running);
        }
    }

    fn forget(&self, ended: Ended) {
        let mut memory = self.memory();
        memory.forgotten += 1;
        match ended {
            Ended::One(session) => drop(memory.running.remove(&session)),
            Ended::AllOf(user) => memory.running.retain(|_, running| running.user != user),
        }
    }
}

impl SessionCache {
    /// Wraps these ports.
    #[must_use]
    pub fn new(sessions: Arc<dyn Sessions>, accounts: Arc<dyn Accounts>) -> Self {
        Self { sessions, accounts, known: Known::default() }
    }

    fn forgetting(&self, ended: Ended) -> Forgetting<'_> {
        Forgetting(&self.known, ended)
    }
}

#[async_trait]
impl Sessions for SessionCache {
    async fn start(&self, command: &Command, opened: &Opened) -> Result<()> {
        self.sessions.start(command, opened).await
    }

    async fn find_username(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<String>> {
        let asked = Instant::now();
        let before = match self.known.find(session, user, asked) {
            Ok(username) => return Ok(Some(username)),
            Err(before) => before,
        };
        let found = self.sessions.find_username(session, user, now).await?;
        if let Some(username) = &found {
            self.known.remember(session, Running { user, username: username.clone(), asked }, before);
        }
        Ok(found)
    }

    async fn find_by_token(&self, token: &TokenHash) -> Result<Option<TokenOwner>> {
        self.sessions.find_by_token(token).await
    }

    async fn refresh(&self, command: &Command, renewal: &Renewal) -> Result<Rotation> {
        // Reusing a token ends its session. Only the store knows which one; its user is the actor.
        let _forgetting = command.actor.map(|user| self.forgetting(Ended::AllOf(user)));
        self.sessions.refresh(command, renewal).await
    }

    async fn end(&self, command: &Command, session: SessionId, user: UserId) -> Result<()> {
        let _forgetting = self.forgetting(Ended::One(session));
        self.sessions.end(command, session, user).await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        after: Option<SessionPosition>,
        limit: Limit,
    ) -> Result<Vec<RunningSession>> {
        self.sessions.list(user, now, after, limit).await
    }

    async fn find_addresses(&self, handle: &Handle, now: Timestamp) -> Result<Vec<String>> {
        self.sessions.find_addresses(handle, now).await
    }

    async fn forget_ended(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.sessions.forget_ended(before, most).await
    }

    async fn forget_tokens(&self, before: Timestamp, most: u32) -> Result<u32> {
        self.sessions.forget_tokens(before, most).await
    }
}

#[async_trait]
impl Accounts for SessionCache {
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
        let _forgetting = self.forgetting(Ended::AllOf(user));
        self.accounts.change_password(command, user, proven, hash).await
    }

    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()> {
        let _forgetting = self.forgetting(Ended::AllOf(user));
        self.accounts.delete(command, user, proven).await
    }

    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool> {
        let _forgetting = self.forgetting(Ended::AllOf(user));
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
    use clouddrive_domain::port::{MockAccounts, MockSessions};
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
        let mut sessions = MockSessions::new();
        sessions.expect_find_username().returning(move |_, _, _| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Some("ann".to_owned()))
        });
        sessions.expect_end().returning(|_, _, _| Ok(()));
        sessions.expect_refresh().returning(|_, _| Ok(Rotation::Reused));
        let mut accounts = MockAccounts::new();
        accounts.expect_change_password().returning(|_, _, _, _| Ok(()));
        accounts.expect_delete().returning(|_, _, _| Ok(()));
        accounts.expect_set_disabled().returning(|_, _, _| Ok(true));
        (SessionCache::new(Arc::new(sessions), Arc::new(accounts)), asked)
    }

    fn command() -> Command {
        Command { actor: Some(ANN), at: NOW, request: RequestId::parse("request-7").unwrap(), receipt: None }
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
        advance(AGE - Duration::from_millis(1)).await;
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
    async fn that_a_session_does_not_run_is_not_remembered() {
        let mut sessions = MockSessions::new();
        sessions.expect_find_username().times(2).returning(|_, _, _| Ok(None));
        let cache = SessionCache::new(Arc::new(sessions), Arc::new(MockAccounts::new()));
        for _ in 0..2 {
            assert_eq!(cache.find_username(HERE, ANN, NOW).await.unwrap(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_ends_sessions_through_it_is_known_at_once() {
        let (cache, asked) = cache();
        let token = clouddrive_domain::model::RefreshToken::parse(&"A".repeat(43)).unwrap().hash();
        let renewal =
            Renewal { presented: token, next: token, expires_at: NOW, grace: AGE, address: None, user_agent: None };
        for turn in 0..5 {
            ask(&cache, HERE, ANN).await;
            ask(&cache, THERE, BEN).await;
            let before = asked.load(Ordering::Relaxed);
            match turn {
                0 => cache.end(&command(), HERE, ANN).await.unwrap(),
                1 => drop(cache.refresh(&command(), &renewal).await.unwrap()),
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
    async fn an_answer_from_before_the_end_is_not_remembered_after_it() {
        let (cache, asked) = cache();
        let before = cache.known.find(HERE, ANN, Instant::now()).unwrap_err();
        cache.end(&command(), THERE, BEN).await.unwrap();
        let late = Running { user: ANN, username: "ann".to_owned(), asked: Instant::now() };
        cache.known.remember(HERE, late, before);
        ask(&cache, HERE, ANN).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_remembered() {
        let (cache, _) = cache();
        let session = |number: usize| SessionId::from_uuid(Uuid::from_u128(number as u128));
        for number in 0..MOST + 10 {
            ask(&cache, session(number), ANN).await;
        }
        assert_eq!(cache.known.memory().running.len(), MOST);
        advance(AGE).await;
        ask(&cache, session(MOST + 10), ANN).await;
        assert_eq!(cache.known.memory().running.len(), 1);
    }
}
