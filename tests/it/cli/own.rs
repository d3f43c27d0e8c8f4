//! Own connectors: folders of files, hostile files, forgetting.

use crate::support::cli::TestHome;

#[test]
fn threat_35_a_hostile_connector_file_is_refused_and_nothing_is_imported() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let known = home.run("connectors get personio --json").code(0);
    drop(known);
    let before = home.dump();
    let deep = "[".repeat(100_000);
    let anchors = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n";
    for (name, text) in [
        ("x.json", "{}"),
        ("x.json", "not json"),
        ("x.json", "{\"key\":\"../../etc/passwd\"}"),
        ("x.json", &deep),
        ("x.connector.s1.yaml", "meta: {provider: x}\nbaseUrl: http://*/\n"),
        ("x.connector.s1.yaml", &deep),
        ("x.connector.s1.yaml", anchors),
        ("x.connector.s1.yaml", "a: !!binary x\n\t- y: ["),
    ] {
        let path = home.file(name, text);
        for verb in ["lint", "import"] {
            let line = format!("connectors {verb} {} --json", path.display());
            let ended = home.run(&line).code(2);
            assert!(ended.stderr.len() < 20_000, "{ended:?}");
            ended.error();
        }
    }
    home.file("binary.json", b"\xff\xfe\0");
    home.run("connectors import binary.json").code(2);
    std::fs::create_dir(home.path().join("empty")).unwrap();
    home.run("connectors import empty").code(2).tells("holds no connector files");
    home.run("connectors import /dev/zero").code(2);
    assert!(home.dump() == before);
}
