//! The statements for items that the caller may not see, compared with those for absent ones.

use std::collections::BTreeSet;

use serde_json::json;

use super::{PEOPLE, Participants, Person, TABLES, made, name_of};
use crate::link::{link_folder, path};
use crate::support::{ABSENT, Server, text};
use crate::telemetry::traces::{Collector, stop};

/// Two traces whose requests only differ in whether their identifiers exist.
struct Pair {
    what: String,
    forbidden: String,
    absent: String,
}

impl Pair {
    /// The pair with this number, from 1.
    fn new(number: usize, what: String) -> Self {
        Self { what, forbidden: format!("{number:031x}1"), absent: format!("{number:031x}2") }
    }
}

#[tokio::test]
async fn forbidden_and_absent_items_are_looked_up_by_the_same_statements() {
    let collector = Collector::start().await;
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let server = Server::with(&variables).await;
    let participants = Participants { ann: server.user("ann").await, fellow: server.user("fellow").await };
    let mut pairs: Vec<Pair> = Vec::new();
    // Whether a session is looked up depends on the time since the last lookup.
    let known = format!("{:032x}", 1);
    for person in [Person::Stranger, Person::RevokedGuest] {
        let column = PEOPLE.iter().position(|one| *one == person).unwrap();
        let caller = server.user(&name_of(person)).await;
        caller.within(&known).get("/verify-token").await.ok();
        for (item, row) in TABLES.iter().flat_map(|(item, rows)| rows.iter().map(move |row| (*item, row))) {
            assert_eq!(row.expected[column], 404, "{}", row.what);
            let pair = Pair::new(pairs.len() + 1, format!("{}: {} as {person:?}", pairs.len(), row.what));
            let scene = participants.fixture(item, person, &pair.what).await;
            (row.act)(&caller.within(&pair.forbidden), &scene).await;
            (row.act)(&caller.within(&pair.absent), &scene.of_what_is_absent()).await;
            pairs.push(pair);
        }
        let session = text(&participants.ann.get("/session").await.ok()["items"][0]["id"]);
        let pair = Pair::new(pairs.len() + 1, format!("end_session as {person:?}"));
        for (trace, id) in [(&pair.forbidden, session.as_str()), (&pair.absent, ABSENT)] {
            caller.within(trace).delete(&format!("/session/{id}")).await.refused(404, "not_found");
        }
        pairs.push(pair);
    }
    let top = participants.ann.folder("Top", None).await;
    let (linked, beside) =
        (participants.ann.folder("linked", Some(&top)).await, participants.ann.folder("beside", Some(&top)).await);
    let file = made(&participants.ann, "note.txt", &beside).await;
    let link = path(&link_folder(&participants.ann, &linked, json!({})).await);
    for (before, id, after) in [("drive", &beside, ""), ("drive", &beside, "/archive"), ("file", &file, "/content")] {
        let pair = Pair::new(pairs.len() + 1, format!("/s/…/{before}/…{after}"));
        for (trace, id) in [(&pair.forbidden, id.as_str()), (&pair.absent, ABSENT)] {
            let visitor = server.anonymous().within(trace);
            visitor.get(&format!("{link}/{before}/{id}{after}")).await.refused(404, "not_found");
        }
        pairs.push(pair);
    }
    stop(server).await;

    let statements = collector.statements();
    let of_sessions: BTreeSet<&String> = statements[&known].iter().collect();
    let asked = |trace: &String| {
        let all = statements.get(trace).into_iter().flatten();
        let mut asked: Vec<&String> = all.filter(|text| !of_sessions.contains(text)).collect();
        asked.sort();
        asked
    };
    for pair in pairs {
        let (forbidden, absent) = (asked(&pair.forbidden), asked(&pair.absent));
        assert!(!absent.is_empty(), "{}", pair.what);
        assert_eq!(forbidden, absent, "{}", pair.what);
    }
}
