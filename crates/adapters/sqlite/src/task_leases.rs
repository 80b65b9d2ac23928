use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Lease, TaskLeaseRepository};
use clouddrive_sql::task_leases as rows;
use diesel::RunQueryDsl;

use crate::Database;

#[async_trait]
impl TaskLeaseRepository for Database {
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool> {
        let statement = rows::claim(lease, now, until);
        self.write(move |connection| Ok(statement.execute(connection)? == 1)).await
    }

    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()> {
        let statement = rows::finish(lease, next);
        self.write(move |connection| {
            statement.execute(connection)?;
            Ok(())
        })
        .await
    }
}
