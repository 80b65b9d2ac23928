use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};

use super::Server;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

/// The server's database, as somebody sees it who has a shell on the machine.
impl Server {
    /// Runs these statements.
    pub fn execute(&self, statements: &str) {
        self.connect().batch_execute(statements).unwrap();
    }

    /// The one text that this expression gives.
    pub fn value(&self, expression: &str) -> String {
        let rows: Vec<Row> = sql_query(format!("SELECT ({expression}) AS value")).load(&mut self.connect()).unwrap();
        rows.into_iter().next().unwrap().value
    }

    fn connect(&self) -> SqliteConnection {
        let path = self.data().join("clouddrive.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 10000;").unwrap();
        connection
    }
}
