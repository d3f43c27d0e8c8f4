//! The private PostgreSQL cluster itself: each test gets an empty database of its own.

use std::time::Instant;

use crate::support::postgres::database;

fn ask(url: &str, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let row = client.query_one(sql, &[]).await.unwrap();
        let answer = row.get(0);
        drop(client);
        connection.await.unwrap().unwrap();
        answer
    })
}

#[test]
fn every_database_is_new_and_utf8_and_quickly_made() {
    let first = database();
    let start = Instant::now();
    let second = database();
    let took = start.elapsed();
    assert_ne!(first, second);
    assert!(took.as_millis() < 2000, "making a database took {took:?}");
    let tables =
        "select count(*)::text from information_schema.tables where table_schema = 'public'";
    for url in [&first, &second] {
        assert_eq!(ask(url, tables), "0");
        assert_eq!(ask(url, "show server_encoding"), "UTF8");
    }
}

#[test]
fn another_process_shares_the_cluster() {
    assert_eq!(ask(&database(), "show fsync"), "off");
}
