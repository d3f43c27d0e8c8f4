//! How a project's page looks: set, cleared, and nobody else's.

use hubctl::domain::brand::{Brand, Changes as Look, Edit, LARGEST_BYTES, Logo};
use hubctl::domain::caller::Caller;
use hubctl::domain::project::{Project, ProjectName};
use hubctl::error::codes;
use hubctl::hub::projects::{self, Changes};
use hubctl::hub::write::{Guard, Outcome};

use crate::support::asked::{key, session};
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    a_look_is_set_changed_and_cleared,
    threat_13_a_look_is_its_projects_own,
    a_logo_of_any_bytes_is_kept_as_it_is,
);

const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

fn png(last: &[u8]) -> Logo {
    Logo::read([b"\x89PNG\r\n\x1a\n", last].concat()).unwrap()
}

fn name(text: &str) -> ProjectName {
    text.parse().unwrap()
}

async fn change(world: &TestHub, caller: &Caller, look: Look, guard: Guard) -> Outcome<Project> {
    let changes = Changes { brand: look, ..Changes::default() };
    projects::update(&world.hub, caller, &name("default"), changes, guard).await.unwrap()
}

async fn seen(world: &TestHub) -> Brand {
    projects::get(&world.hub, &world.caller(), &name("default")).await.unwrap().brand
}

async fn a_look_is_set_changed_and_cleared(world: TestHub) {
    let caller = world.caller();
    assert_eq!(seen(&world).await, Brand::default());
    let logo = Logo::read(SVG.to_vec()).unwrap();
    let all = Look {
        name: Edit::Set("Acme".parse().unwrap()),
        accent: Edit::Set("#FFD400".parse().unwrap()),
        logo: Edit::Set(logo.clone()),
    };
    let tried = world.changes_nothing(change(&world, &caller, all.clone(), DRY_RUN)).await;
    assert!(tried.changed);
    assert!(change(&world, &caller, all.clone(), Guard::default()).await.changed);
    let brand = seen(&world).await;
    assert_eq!(brand.name.as_ref().map(ToString::to_string).as_deref(), Some("Acme"));
    assert_eq!(brand.accent.map(|accent| accent.to_string()).as_deref(), Some("#ffd400"));
    assert_eq!(brand.logo, Some(logo.mark()));
    // Again is a success that changes nothing.
    let again = world.changes_nothing(change(&world, &caller, all, Guard::default())).await;
    assert!(!again.changed && again.operation.is_none());
    // One thing changes, the others stay; a new picture takes the place of the old one.
    let other = Look { logo: Edit::Set(png(b"2")), ..Look::default() };
    change(&world, &caller, other, Guard::default()).await;
    assert_eq!(seen(&world).await, Brand { logo: Some(png(b"2").mark()), ..brand });
    assert_eq!(world.number("select count(*) from project_logos"), 1);
    let old = logo.mark();
    let gone = projects::logo(&world.hub, caller.project(), old.hash()).await;
    assert_eq!(gone.unwrap(), None);
    let none = Look { name: Edit::Clear, accent: Edit::Clear, logo: Edit::Clear };
    assert!(change(&world, &caller, none.clone(), Guard::default()).await.changed);
    assert_eq!(seen(&world).await, Brand::default());
    assert_eq!(world.number("select count(*) from project_logos"), 0);
    assert!(!change(&world, &caller, none, Guard::default()).await.changed);
    // The journal says what was changed, without the picture.
    let journal = world.dump()["operations"].join("\n");
    assert!(journal.contains("accent_color") && journal.contains("#ffd400"), "{journal}");
    assert!(!journal.contains("<svg"), "{journal}");
}

async fn threat_13_a_look_is_its_projects_own(world: TestHub) {
    let (here, there) = (world.caller(), world.project("second").await);
    let logo = png(b"1");
    let look = Look { logo: Edit::Set(logo.clone()), ..Look::default() };
    change(&world, &here, look.clone(), Guard::default()).await;
    let hash = logo.mark().hash().to_owned();
    let ask = async |project, hash: &str| projects::logo(&world.hub, project, hash).await.unwrap();
    assert_eq!(ask(here.project(), &hash).await, Some(logo));
    assert_eq!(ask(there.project(), &hash).await, None);
    for bad in ["", "x", &hash[1..], &hash.to_uppercase(), "%"] {
        assert_eq!(ask(here.project(), bad).await, None, "{bad}");
    }
    let made = world.key(&there, key("there", "admin")).await;
    let stranger = world.holder(&made).await;
    let changes = Changes { brand: look, ..Changes::default() };
    let default = name("default");
    let changed = projects::update(&world.hub, &stranger, &default, changes, Guard::default());
    refused(world.changes_nothing(changed).await, &codes::PROJECT_UNKNOWN);
    // What an end user meets is the look of the session's project.
    for (caller, wanted) in [(&here, true), (&there, false)] {
        let token = world.open(caller, session("acme-7")).await.token;
        let entered = hubctl::hub::end_user::enter(&world.hub, token.text().expose());
        assert_eq!(entered.await.unwrap().project.brand.logo.is_some(), wanted);
    }
    // It goes with its project.
    let changes = Changes {
        brand: Look { logo: Edit::Set(png(b"2")), ..Look::default() },
        ..Changes::default()
    };
    let second = name("second");
    projects::update(&world.hub, &there, &second, changes, Guard::default()).await.unwrap();
    assert_eq!(world.number("select count(*) from project_logos"), 2);
    projects::delete(&world.hub, &here, &second, Guard::default()).await.unwrap();
    assert_eq!(world.number("select count(*) from project_logos"), 1);
}

async fn a_logo_of_any_bytes_is_kept_as_it_is(world: TestHub) {
    let bytes: Vec<u8> = (0..=255).cycle().take(LARGEST_BYTES - 8).collect();
    let logo = png(&bytes);
    let look = Look { logo: Edit::Set(logo.clone()), ..Look::default() };
    change(&world, &world.caller(), look, Guard::default()).await;
    let (another, mark) = (world.another(), logo.mark());
    let kept = projects::logo(&another, world.caller().project(), mark.hash()).await;
    assert_eq!(kept.unwrap(), Some(logo));
}
