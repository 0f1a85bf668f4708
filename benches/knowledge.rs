//! What it costs to read the rules and the knowledge, and to look a call up.
//! `cargo bench --bench knowledge`

use divan::{Bencher, black_box};
use glpatrol::model::{Method, TokenKind};
use glpatrol::policy;
use glpatrol::rules::RuleSet;
use glpatrol::rules::knowledge::KnowledgeBase;

fn main() {
    divan::main();
}

#[divan::bench]
fn load_builtin_rules() -> RuleSet {
    RuleSet::builtin(&policy::validate).expect("the built-in rules are valid")
}

#[divan::bench]
fn load_kinds(bencher: Bencher<'_, '_>) {
    bencher.bench(|| KnowledgeBase::new().kinds().len());
}

#[divan::bench]
fn load_scopes(bencher: Bencher<'_, '_>) {
    bencher.bench(|| KnowledgeBase::new().scopes().len());
}

#[divan::bench]
fn load_roles(bencher: Bencher<'_, '_>) {
    bencher.bench(|| KnowledgeBase::new().roles().iter().len());
}

#[divan::bench]
fn load_operations(bencher: Bencher<'_, '_>) {
    bencher.bench(|| KnowledgeBase::new().operations().len());
}

#[divan::bench]
fn load_endpoints(bencher: Bencher<'_, '_>) {
    bencher.bench(|| KnowledgeBase::new().endpoints().len());
}

#[divan::bench(args = [
    "/user",
    "/projects/acme%2Fshop/merge_requests/7/notes?per_page=100",
    "${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/packages/generic/tool/1.0/deep/er/tool.zip",
    "$CI_API_V4_URL/groups/$GROUP/-/packages/npm/$PACKAGE",
    "/no/such/route/anywhere",
])]
fn look_up_endpoint(bencher: Bencher<'_, '_>, path: &str) {
    let knowledge = KnowledgeBase::new();
    knowledge.endpoints();
    bencher.bench(|| black_box(knowledge.route(Method::Get, black_box(path))));
}

#[divan::bench]
fn look_up_kind(bencher: Bencher<'_, '_>) {
    let knowledge = KnowledgeBase::new();
    knowledge.kinds();
    bencher.bench(|| black_box(knowledge.kind(black_box(TokenKind::DeployKey))));
}

#[divan::bench]
fn find_redundant_scopes(bencher: Bencher<'_, '_>) {
    let knowledge = KnowledgeBase::new();
    knowledge.scopes();
    let held = ["api", "read_api", "read_repository", "write_registry"];
    bencher.bench(|| knowledge.redundant(black_box(&held)));
}
