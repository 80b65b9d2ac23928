use anyhow::Context;
use clouddrive_contract::{Time, User};
use clouddrive_domain::model::{Limit, ListedAccount};
use clouddrive_domain::service::AdministrationService;
use clouddrive_rest::map;
use serde::Serialize;

use crate::output::print_line;

/// Accounts per page.
const PAGE: u64 = 500;

/// An account as a line of JSON.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    user: User,
    disabled_at: Option<Time>,
}

/// Prints all accounts, holding one page in memory.
pub(super) async fn print(administration: &AdministrationService, json: bool) -> anyhow::Result<()> {
    if !json {
        print_line(row(["NAME", "STATE", "USED", "QUOTA", "SINCE", "E-MAIL"]))?;
    }
    let limit = Limit::new(PAGE).context("a page")?;
    let mut after = None;
    loop {
        let page = administration.list(after.as_deref(), limit).await?;
        for account in page.items {
            let line = line(account)?;
            print_line(if json { serde_json::to_string(&line)? } else { in_columns(&line)? })?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn line(listed: ListedAccount) -> anyhow::Result<Line> {
    let disabled_at = listed.disabled_at.map(map::time).transpose()?;
    Ok(Line { user: map::user(listed.account)?, disabled_at })
}

fn in_columns(line: &Line) -> anyhow::Result<String> {
    let Line { user, disabled_at } = line;
    let state = if disabled_at.is_some() { "disabled" } else { "enabled" };
    let since = serde_json::to_value(user.created_at)?;
    let (used, quota) = (user.quota.used_bytes.to_string(), user.quota.total_bytes.to_string());
    Ok(row([&user.username, state, &used, &quota, since.as_str().unwrap_or_default(), &user.email]))
}

/// Column widths: names have at most 32 characters, sizes 19 digits, times 24 characters.
fn row([name, state, used, quota, since, email]: [&str; 6]) -> String {
    format!("{name:<32}  {state:<8}  {used:>19}  {quota:>19}  {since:<24}  {email}")
}
