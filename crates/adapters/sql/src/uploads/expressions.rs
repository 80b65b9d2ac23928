//! Parts of queries of uploads.

use clouddrive_domain::model::{Timestamp, UserId};
use diesel::backend::Backend;
use diesel::dsl::auto_type;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable, Text};

use super::without_job;
use crate::schema::uploads;
use crate::types::DbId;

/// Defines an expression on uploads with a fixed text. Unlike with `diesel::dsl::sql`, statements with it are prepared
/// once per connection.
macro_rules! expression {
    ($(#[$docs:meta])* $name:ident: $sql_type:ty = $text:expr) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Expression for $name {
            type SqlType = $sql_type;
        }

        impl<QS: ?Sized> AppearsOnTable<QS> for $name {}

        impl<GroupBy> ValidGrouping<GroupBy> for $name {
            type IsAggregate = is_aggregate::No;
        }

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($text);
                Ok(())
            }
        }

        impl QueryId for $name {
            type QueryId = Self;
        }
    };
}

expression! {
    /// The condition [`is_open`].
    IsOpen: Bool = "uploads.state = 'open'"
}

expression! {
    /// The condition [`has_no_job`].
    HasNoJob: Bool = &without_job("uploads")
}

expression! {
    /// The store of the blob of an upload, while it is recorded. A subquery instead of a join, since the rows that a
    /// statement locks would include the blobs.
    StoreOfBlob: Nullable<Text> = &store_of("uploads")
}

impl SelectableExpression<uploads::table> for StoreOfBlob {}

/// [`StoreOfBlob`], for the upload in the table or alias `of`.
pub(super) fn store_of(of: &str) -> String {
    format!("(SELECT b.store FROM blobs b WHERE b.key = {of}.blob_key)")
}

/// The condition that an upload is open. A literal, since diesel binds constants as parameters: both databases plan
/// without the values of parameters, so a bound word would not match the condition of the indexes `uploads_open_by_*`.
#[must_use]
pub const fn is_open() -> IsOpen {
    IsOpen
}

/// The open uploads of `sender`, whether expired or not.
#[auto_type(no_type_alias)]
pub fn open_of(sender: UserId) -> _ {
    let sender: DbId = sender.into();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::sender_id.eq(sender).and(open))
}

/// The uploads of `sender` that are open and not expired at `now`.
#[auto_type(no_type_alias)]
pub fn unexpired_of(sender: UserId, now: Timestamp) -> _ {
    let sender: DbId = sender.into();
    let now: i64 = now.as_millis();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::sender_id.eq(sender).and(open)).filter(uploads::expires_at.gt(now))
}

/// The open uploads that are expired at `now`, those first that expired first.
#[auto_type(no_type_alias)]
pub fn due(now: Timestamp) -> _ {
    let now: i64 = now.as_millis();
    let open: IsOpen = is_open();
    uploads::table.filter(uploads::expires_at.le(now).and(open)).order((uploads::expires_at, uploads::id))
}

/// The condition that an upload has no job, which would still delete its bytes.
#[must_use]
pub const fn has_no_job() -> HasNoJob {
    HasNoJob
}
