//! Writes a store with many linked accounts, always the same ones, for `benches/run`.
//!
//! usage: `cargo run --release --example fill -- FILE ACCOUNTS`

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use hubctl::domain::account::{Account, AccountType, Owner, Status};
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::ids::{AuthConfigId, ProjectNumber};
use hubctl::domain::project::{DEFAULT_PROJECT, ProjectName};
use hubctl::domain::time::Timestamp;
use hubctl::store::{Store, accounts, auth_configs, projects};

/// Accounts in one transaction.
const STEP: u64 = 50_000;
/// 2026-01-01.
const START: i64 = 1_767_225_600_000;
const PROVIDERS: [(&str, &str); 10] = [
    ("hubspot", "oauth2"),
    ("bamboohr", "api_key"),
    ("salesforce", "oauth2"),
    ("workday", "oauth2"),
    ("ashby", "api_key"),
    ("lever", "api_key"),
    ("greenhouse", "api_key"),
    ("hibob", "api_key"),
    ("personio", "api_key"),
    ("jira", "oauth2"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fill FILE ACCOUNTS".into());
    };
    let count = count.parse()?;
    tokio::runtime::Builder::new_current_thread().build()?.block_on(fill(&file, count))
}

async fn fill(file: &str, count: u64) -> Result<(), Box<dyn Error>> {
    let store = Store::sqlite(file);
    let mut tx = store.begin_write().await?;
    let name: ProjectName = DEFAULT_PROJECT.parse()?;
    let project = projects::by_name(&mut tx, &name).await?.ok_or("no project")?.number;
    for at in 0..PROVIDERS.len() {
        auth_configs::insert(&mut tx, project, &config(at)?, None).await?;
    }
    tx.commit().await?;
    let mut number = 0;
    while number < count {
        let end = count.min(number + STEP);
        step(&store, project, number..end).await?;
        number = end;
    }
    Ok(())
}

async fn step(
    store: &Store,
    project: ProjectNumber,
    numbers: std::ops::Range<u64>,
) -> Result<(), Box<dyn Error>> {
    let mut tx = store.begin_write().await?;
    for number in numbers {
        accounts::insert(&mut tx, project, &account(number)?).await?;
    }
    Ok(tx.commit().await?)
}

fn config(at: usize) -> Result<AuthConfig, Box<dyn Error>> {
    let (connector, method) = PROVIDERS[at];
    Ok(AuthConfig {
        id: config_id(at)?,
        connector: connector.parse()?,
        method: method.parse()?,
        name: connector.to_owned(),
        is_default: true,
        disabled_at: None,
        pin: None,
        setup: BTreeMap::new(),
        secrets: BTreeSet::new(),
        created_at: Timestamp::from_millis(START),
        updated_at: Timestamp::from_millis(START),
        version: 0,
    })
}

fn config_id(at: usize) -> Result<AuthConfigId, Box<dyn Error>> {
    Ok(format!("019b7000-0000-7000-9000-{at:012}").parse()?)
}

/// One account in seventeen is paused; one owner has three accounts.
fn account(number: u64) -> Result<Account, Box<dyn Error>> {
    let at = usize::try_from(number * 7919 % 10)?;
    let created_at = Timestamp::from_millis(START + i64::try_from(number)? * 10_007);
    Ok(Account {
        id: format!("019b7000-0000-7000-8000-{number:012}").parse()?,
        provider: PROVIDERS[at].0.parse()?,
        auth_config: config_id(at)?,
        owner: Owner {
            id: format!("customer-{:06}", number / 3),
            name: format!("Customer {}", number / 3),
            username: Some(format!("user{number}@example.com")),
        },
        label: number.is_multiple_of(5).then(|| "primary".to_owned()),
        kind: AccountType::Production,
        status: Status::Active,
        hold: number.is_multiple_of(17).then_some(Status::Suspended),
        reasons: Vec::new(),
        setup: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        verified_at: Some(created_at),
        created_at,
        updated_at: created_at,
        version: 0,
    })
}
