//! The address of a server: what is wrong with it, and what of it people are told.

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::super::tls::malformed;
use crate::domain::words::shell_word;
use crate::store::Result;

/// The port where nothing names one.
const USUAL_PORT: u16 = 5432;

/// Refuses an address of which the driver would take a part of the password for the host: for it,
/// the password ends at the first `@`, wherever that is.
pub(super) fn check(url: &str) -> Result<()> {
    let Some((before, after)) = url.split_once('@') else { return Ok(()) };
    let place = after.split('?').next().unwrap_or_default();
    let is_parameter = |name: &&str| before.contains(*name);
    if place.contains('@') || ["?password=", "&password="].iter().any(is_parameter) {
        return Err(malformed(
            "the address of the store has an `@` too many: write @ in a password as %40",
        ));
    }
    Ok(())
}

/// The address for people: without the password, and without a port that is the usual one.
pub(super) fn name(config: &Config) -> String {
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let host = host(config);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let port = match port(config) {
        USUAL_PORT => String::new(),
        port => format!(":{port}"),
    };
    format!("postgres://{user}{host}{port}/{database}")
}

/// The command that tells whether the server is there.
pub(super) fn check_of_server(config: &Config) -> String {
    format!("pg_isready -h {} -p {}", shell_word(&host(config)), port(config))
}

fn host(config: &Config) -> String {
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => "localhost".to_owned(),
    }
}

fn port(config: &Config) -> u16 {
    config.get_ports().first().copied().unwrap_or(USUAL_PORT)
}

#[cfg(test)]
mod tests {
    use super::super::Database;

    #[test]
    fn the_name_for_people_has_no_password() {
        let db = Database::new("postgres://hub:s3cret@db.example:5432/prod").unwrap();
        assert_eq!(db.name(), "postgres://hub@db.example/prod");
        for (address, name) in [
            ("postgres://hub:s3cret@db:5433/prod", "postgres://hub@db:5433/prod"),
            ("postgres://db/prod", "postgres://db/prod"),
            ("postgres://:s3cret@db/prod", "postgres://db/prod"),
            ("postgres://hub@[::1]:5433", "postgres://hub@[::1]:5433/hub"),
            ("postgres://hub:s3%40cret@db/prod", "postgres://hub@db/prod"),
            ("postgres://hub@db/prod?password=s3@cret", "postgres://hub@db/prod"),
        ] {
            assert_eq!(Database::new(address).unwrap().name(), name);
        }
        let error = Database::new("postgres://hub:s3cret@db.example:bad/prod").err().unwrap();
        assert!(!error.to_string().contains("s3cret"));
    }

    #[test]
    fn threat_32_a_password_that_is_torn_at_its_at_sign_is_refused_and_not_shown() {
        for address in [
            "postgres://hub:p@s3cret@db/prod",
            "postgres://hub:p@s3cret@db/prod?sslmode=require",
            "postgres://hub:p@/s3cret@db/prod",
            "postgres://db:5433/prod?password=p@s3cret",
            "postgres://db/prod?user=hub&password=p@s3cret",
        ] {
            let told = Database::new(address).err().unwrap().to_string();
            assert!(told.contains("%40") && !told.contains("s3cret"), "{address}: {told}");
        }
    }
}
