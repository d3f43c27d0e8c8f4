//! Links from files, and many processes on one store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::cli::{Ended, TestHome};

fn home() -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home
}

#[test]
fn a_bad_file_makes_no_link() {
    let home = home();
    let mut late = "origin_owner_id,provider\n".to_owned();
    late.extend((0..250).map(|row| format!("o{row},hubspot\n")));
    late.push_str("last,salesforce\n");
    let long = format!("origin_owner_id\n{}\n", "x".repeat(1 << 20));
    let swallowing: &[u8] = b"origin_owner_id,origin_owner_name\na,\"Acme\nb,Beta\nc,Gamma\n\
        e,5\" Tools\nf,Foo\n";
    let cases: [(&str, &[u8], i32, &str); 15] = [
        ("missing column", b"origin_owner_name\nA\n", 2, "no column origin_owner_id"),
        ("unknown column", b"origin_owner_id,foo\na,b\n", 2, "unknown column `foo`"),
        ("double column", b"origin_owner_id,label,label\na,b,c\n", 2, "the column `label` twice"),
        ("bad provider", b"origin_owner_id,provider\na,hubspot\nb,NO!\n", 2, "line 3: "),
        ("unknown provider", b"origin_owner_id,provider\na,hubspot\nb,nope\n", 3, "line 3: "),
        ("provider not set up, late", late.as_bytes(), 6, "line 252: "),
        ("no owner", b"origin_owner_id,label\na,x\n,y\n", 2, "line 3: origin_owner_id"),
        ("too few cells", b"origin_owner_id,label\na\n", 2, "f.csv"),
        ("empty", b"", 2, "no column origin_owner_id"),
        ("long field", long.as_bytes(), 2, "line 2: a field is too long"),
        ("no UTF-8", b"origin_owner_id\n\xff\n", 2, "f.csv"),
        ("an open quote at the end", b"origin_owner_id\na\n\"b\n", 2, "is not closed"),
        ("an open quote", b"origin_owner_id,label\n\"a,b\nc,d\n", 2, "f.csv"),
        ("a quote that swallows lines", swallowing, 2, "line 2: a quotation mark is not closed"),
        ("a quote that ends early", b"origin_owner_id\na\n\"b\"c\n", 2, "line 3: a field goes on"),
    ];
    let before = home.dump();
    for (name, content, code, told) in cases {
        home.file("f.csv", content);
        for format in ["", "--json", "-o jsonl"] {
            let ended = home.run(&format!("link create --from f.csv {format}"));
            assert!(ended.code == code && ended.stderr.contains(told), "{name}: {ended:?}");
            assert_eq!(ended.stdout, "", "{name}");
        }
        assert!(home.dump() == before, "{name}");
    }
    home.file("f.csv", "origin_owner_id\n");
    home.run("link create --from f.csv").code(0).tells("has no lines");
}

#[test]
fn files_of_every_kind_of_line_are_read() {
    let home = home();
    let text = "\u{feff}label,origin_owner_id,provider,origin_owner_name\r\n\
                \"a, \"\"b\"\"\",o-1,hubspot,Acme\r\n,o-2,,\r\n";
    let links = home.piped("link create --from - --json", text).code(0).json();
    assert_eq!(links[0]["origin_owner_name"], "Acme");
    assert_eq!(links[1]["origin_owner_name"], "o-2");
    assert_eq!((&links[0]["line"], &links[1]["line"]), (&2.into(), &3.into()));
    assert_eq!(links[1]["provider"], serde_json::Value::Null);
    let sessions = home.run("session list --json").json();
    assert_eq!(sessions[1]["label"], "a, \"b\"");
    let again = home.piped("link create --from - --json", text).code(0).json();
    assert_eq!(again[0]["auth_link_url"], links[0]["auth_link_url"]);
    assert_eq!(again[0]["created"], false);
}

#[test]
fn a_link_names_its_line_of_the_file() {
    let home = home();
    for end in ["\n", "\r\n"] {
        let lines = ["origin_owner_id,label", "a,x", "", "", "b,\"y, y\"", "c,z", "d,"];
        for last in [end, ""] {
            let text = lines.join(end) + last;
            let made = home.piped("link create --from - -o jsonl --fields line", text).code(0);
            let expected = [2, 5, 6, 7].map(|line| format!("{{\"line\":{line}}}\n"));
            assert_eq!(made.stdout, expected.concat(), "{end:?} {last:?}");
        }
    }
}

#[test]
fn a_trial_shows_links_that_work_and_none_that_would_be_made() {
    let home = home();
    home.file("f.csv", "origin_owner_id\na\n");
    let there = home.run("link create --from f.csv --json").code(0).json();
    home.file("f.csv", "origin_owner_id\na\nb\n");
    let trial = home.run("link create --from f.csv --json -n").code(0);
    let rows = trial.tells("what would be made has no token and no link").json();
    assert_eq!((&rows[0]["created"], &rows[0]["token"]), (&false.into(), &there[0]["token"]));
    assert_eq!(rows[0]["auth_link_url"], there[0]["auth_link_url"]);
    assert_eq!((&rows[1]["created"], &rows[1]["token"]), (&true.into(), &().into()));
    assert_eq!(rows[1]["auth_link_url"], serde_json::Value::Null);
}

#[test]
fn a_limit_is_refused_before_any_link_of_a_file_is_made() {
    let home = home();
    home.file("f.csv", "origin_owner_id\na\nb\n");
    let before = home.dump();
    home.run("link create --from f.csv --limit 1").code(2).tells("can't be used with --from");
    assert!(home.dump() == before);
}

#[test]
fn a_file_of_links_names_its_columns_as_the_file_of_owners_does() {
    let home = home();
    home.file("f.csv", "origin_owner_id\na\n");
    let made = home.run("link create --from f.csv -o csv").code(0);
    assert_eq!(made.stdout.lines().next(), Some("origin_owner_id,auth_link_url,id,expires_at"));
}

fn links(text: &str) -> BTreeMap<String, String> {
    // A line that was cut off was not printed.
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let pair = |line: &str| {
        let mut cells = line.split('\t');
        (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned())
    };
    whole.map(pair).collect()
}

#[test]
fn a_batch_that_is_killed_is_repeated_without_a_loss_or_a_double() {
    const OWNERS: usize = 10_000;
    let home = home();
    let rows: String = (0..OWNERS).map(|row| format!("owner-{row}\n")).collect();
    home.file("f.csv", format!("origin_owner_id\n{rows}"));
    let line = ["link", "create", "--provider", "hubspot", "--from", "f.csv"];
    let mut printed = Vec::new();
    for wanted in [150, 2_500, 6_000] {
        let mut child = home.command(line).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..wanted {
            assert!(lines.read_line(&mut text).unwrap() > 0, "{text}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        printed.push(links(&text));
    }
    let start = Instant::now();
    let ended = home.run("link create --provider hubspot --from f.csv").code(0);
    assert!(start.elapsed() < Duration::from_mins(1), "took {:?}", start.elapsed());
    let all = links(&ended.stdout);
    assert_eq!(all.len(), OWNERS);
    for (owner, link) in printed.iter().flatten() {
        assert_eq!(&all[owner], link);
    }
    let listed =
        home.run("session list --pending -o value --fields origin_owner_id").code(0).stdout;
    assert_eq!(listed.lines().count(), OWNERS);
    assert_eq!(listed.lines().collect::<BTreeSet<_>>().len(), OWNERS);
}

#[test]
fn a_reader_that_goes_away_ends_a_read_and_not_a_write() {
    let home = home();
    let rows: String = (0..3_000).map(|row| format!("owner-{row}\n")).collect();
    home.file("f.csv", format!("origin_owner_id\n{rows}"));
    let script = "$H link create --from f.csv | head -1 >/dev/null; echo ${PIPESTATUS[0]}";
    assert_eq!(home.shell(script).stdout, "0\n");
    let count = "session list -o id";
    assert_eq!(home.run(count).stdout.lines().count(), 3_000);
    for format in ["", "-o jsonl", "--json", "-o yaml", "-o table --all", "-o csv"] {
        let script =
            format!("$H session list {format} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}");
        let ended = home.shell(&script);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("0\n", ""), "{format}");
    }
    home.shell("$H session list >&-").code(0);
    home.shell("$H projects create other >&-").code(0);
    home.run("projects get other").code(0);
    for line in ["session list", "session list --json", "version", "--help", "completion bash"] {
        home.shell(&format!("$H {line} >/dev/full")).code(1).tells("output.failed");
    }
}

#[test]
fn twenty_processes_write_to_one_store_and_nothing_is_lost() {
    let home = TestHome::new();
    let lines: Vec<String> = (0..20)
        .map(|at| match at % 4 {
            0 => format!("projects create p{at}"),
            1 => "connectors enable hubspot bamboohr".to_owned(),
            2 => format!("session create --origin-owner-id s{at}"),
            _ => format!("link create --origin-owner-id l{at}"),
        })
        .collect();
    let start = |line: &String| home.command(line.split(' ')).stdin(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = lines.iter().map(start).collect();
    for child in children {
        Ended::wait(child).code(0);
    }
    assert_eq!(home.run("session list -o id").stdout.lines().count(), 10);
    assert_eq!(home.run("projects list -o id").stdout.lines().count(), 6);
    assert_eq!(home.run("connectors list -o id").stdout.lines().count(), 2);
}
