use std::sync::Arc;

use mockall::predicate::eq;
use uuid::Uuid;

use crate::error::{Error, Gone};
use crate::model::{Change, ChangeBatch, ChangeCursor, ChangeKind, ChangePosition, DriveId, Limit, LoggedChange};
use crate::port::MockChangeRepository;
use crate::service::ChangeService;
use crate::service::testing::{OWNER, STRANGER, actor, command, drive_with, user_drive};

fn position(entry: u64) -> ChangePosition {
    ChangePosition { entry, ..ChangePosition::default() }
}

fn cursor(entry: u64) -> ChangeCursor {
    ChangeCursor { drive: user_drive().root.node.drive, after: position(entry) }
}

fn logged(entry: u64) -> LoggedChange {
    let change = Change::for_drive(ChangeKind::QuotaSet, user_drive().root.node.drive);
    LoggedChange { position: position(entry), change, command: command(OWNER) }
}

fn changes(log: MockChangeRepository) -> ChangeService {
    ChangeService::new(Arc::new(log), Arc::new(drive_with([])))
}

#[tokio::test]
async fn a_reader_starts_at_the_end_of_the_log() {
    let mut log = MockChangeRepository::new();
    log.expect_end().returning(|| Ok(position(7)));
    assert_eq!(changes(log).start(&actor(OWNER)).await.unwrap(), cursor(7));
}

#[tokio::test]
async fn a_page_continues_where_the_store_says() {
    let drive = user_drive().root.node.drive;
    for (found, more) in [(vec![logged(8), logged(9)], true), (vec![logged(8)], false), (vec![], false)] {
        let mut log = MockChangeRepository::new();
        let batch = ChangeBatch { changes: found.clone(), end: position(12) };
        log.expect_read().with(eq(Some(drive)), eq(position(7)), eq(2)).return_once(|_, _, _| Ok(batch));
        let page = changes(log).list_own(&actor(OWNER), cursor(7), Limit::new(2).unwrap()).await.unwrap();
        assert_eq!((page.changes, page.next, page.more), (found, cursor(12), more));
    }
}

#[tokio::test]
async fn pruned_changes_and_other_drives_are_gone() {
    let mut log = MockChangeRepository::new();
    log.expect_read().returning(|_, _, _| Err(Error::Gone(Gone::Changes)));
    let pruned = changes(log).list_own(&actor(OWNER), cursor(1), Limit::default()).await;
    assert!(matches!(pruned, Err(Error::Gone(Gone::Changes))));
    let other = ChangeCursor { drive: DriveId::from_uuid(Uuid::from_u128(77)), ..cursor(1) };
    let foreign = changes(MockChangeRepository::new()).list_own(&actor(OWNER), other, Limit::default()).await;
    assert!(matches!(foreign, Err(Error::Gone(Gone::Changes))));
}

#[tokio::test]
async fn an_account_that_is_gone_has_no_changes() {
    assert!(matches!(changes(MockChangeRepository::new()).start(&actor(STRANGER)).await, Err(Error::NotFound)));
    let listed = changes(MockChangeRepository::new()).list_own(&actor(STRANGER), cursor(1), Limit::default()).await;
    assert!(matches!(listed, Err(Error::NotFound)));
}
