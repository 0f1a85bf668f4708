//! Tests of the lexer: words, structure, and that nothing makes it fail, stall or slow down.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Items in short: `cmd a b`, `(`, `?(`, `{`, `f(`, `|`, `)`.
fn outline(text: &str) -> Vec<String> {
    lex(text)
        .items
        .iter()
        .map(|item| match item {
            Item::Command(command) => show_command(text, command),
            Item::Open(Block::Group) => "{".to_owned(),
            Item::Open(Block::Subshell) => "(".to_owned(),
            Item::Open(Block::Conditional) => "?(".to_owned(),
            Item::Open(Block::Function(name)) => format!("{name}("),
            Item::Alternative => "|".to_owned(),
            Item::Close => ")".to_owned(),
        })
        .collect()
}

fn show_command(text: &str, command: &Command) -> String {
    let assignments = command
        .assignments
        .iter()
        .map(|assignment| &text[assignment.span.start..assignment.span.end]);
    let words = command
        .words
        .iter()
        .map(|word| &text[word.span.start..word.span.end]);
    assignments.chain(words).collect::<Vec<_>>().join(" ")
}

fn commands(script: &Script) -> Vec<&Command> {
    script
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Command(command) => Some(command),
            _ => None,
        })
        .collect()
}

#[test]
fn lists_and_pipes_are_cut_into_commands() {
    assert_eq!(
        outline("a b; c && d | e & f\n\ng # h\ni \\\n  j"),
        ["a b", "c", "d", "e", "f", "g", "i j"]
    );
    let script = lex("a | b 2>&1 | c");
    let found = commands(&script);
    assert_eq!(found[0].stdout, Stdout::Pipe(1));
    assert_eq!(found[1].stdout, Stdout::Pipe(2));
    assert_eq!(found[2].stdout, Stdout::Inherited);
    assert_eq!(found[2].fed_by, Some(1));
}

#[test]
fn blocks_open_and_close() {
    assert_eq!(
        outline("if a; then b; elif c; then d; else e; fi; f"),
        ["?(", "a", "b", "|", "c", "d", "|", "e", ")", "f"]
    );
}

#[test]
fn loops_functions_and_cases_are_blocks() {
    assert_eq!(
        outline("for x in a b; do c $x; done; while d; do e; done"),
        ["?(", "x in a b", "c $x", ")", "?(", "d", "e", ")"]
    );
    assert_eq!(
        outline("f() { a; }\nfunction g {\n b\n}\nh () ( c )\nd"),
        [
            "f(", "{", "a", ")", ")", "g(", "{", "b", ")", ")", "h(", "(", "c", ")", ")", "d"
        ]
    );
    assert_eq!(
        outline("case $X in\n a|b) c;;\n (*) d ;;\nesac; e"),
        ["?(", "c", "|", "d", "|", ")", "e"]
    );
    assert_eq!(
        outline("(a; b) | c; { d; }"),
        ["(", "a", "b", ")", "c", "{", "d", ")"]
    );
    assert_eq!(outline("a || b; c"), ["a", "?(", "b", ")", "c"]);
    assert_eq!(outline("[ x ] && b\nc"), ["[ x ]", "?(", "b", ")", "c"]);
    assert_eq!(
        outline("[[ a && b || ( c ) ]]; d"),
        ["[[ a && b || ( c ) ]]", "d"]
    );
    assert_eq!(outline("if ! a; then b; fi"), ["?(", "a", "b", ")"]);
    assert_eq!(outline("(( x++ )); a"), ["a"]);
}

#[test]
fn nested_commands_follow_the_one_that_holds_them() {
    assert_eq!(
        outline("a \"$(b `c` $(d))\" e"),
        [
            "a \"$(b `c` $(d))\" e",
            "(",
            "b `c` $(d)",
            "(",
            "c",
            ")",
            "(",
            "d",
            ")",
            ")"
        ]
    );
    assert_eq!(
        outline("X=$(a) b <(c)"),
        ["X=$(a) b <(c)", "(", "a", ")", "(", "c", ")"]
    );
    assert_eq!(outline("echo $((1 + (2)))"), ["echo $((1 + (2)))"]);
    assert_eq!(
        outline("bash -ec 'a; b'"),
        ["bash -ec 'a; b'", "(", "a", "b", ")"]
    );
    assert_eq!(
        outline("eval \"a $X\""),
        ["eval \"a $X\"", "(", "a $X", ")"]
    );
    let script = lex("a $(b | c)");
    let found = commands(&script);
    assert_eq!(found[0].stdout, Stdout::Inherited);
    assert!(matches!(found[1].stdout, Stdout::Pipe(_)));
    assert_eq!(found[2].stdout, Stdout::Captured);
}

#[test]
fn heredocs_are_data_unless_a_shell_reads_them() {
    let text = "cat <<EOF > f\nnot a command $X\nEOF\na\n";
    assert_eq!(outline(text), ["cat", "a"]);
    let script = lex(text);
    let found = commands(&script);
    assert_eq!(
        &text[found[0].here[0].span.start..found[0].here[0].span.end],
        "not a command $X\n"
    );
    assert_eq!(
        outline("ssh h <<-'EOF'\n\tb\n\tEOF\nc"),
        ["ssh h", "(", "b", ")", "c"]
    );
    assert_eq!(outline("cat <<A <<B\n1\nA\n2\nB\nc"), ["cat", "c"]);
    assert_eq!(
        outline("cat <<EOF |\nx\nEOF\nb &&\n\n c"),
        ["cat", "b", "c"]
    );
    assert_eq!(outline("cat <<EOF\nnever closed\na"), ["cat"]);
    assert_eq!(outline("cat <<< \"$X\"; b"), ["cat", "b"]);
}

#[test]
fn words_know_their_parts() {
    let text = "a'b c'\"d $E ${F:-g$H}\"\\ $'\\n'${!I}${#J}${K[@]}${L%x}$[[ inputs.m ]]";
    let script = lex(text);
    let word = &commands(&script)[0].words[0];
    let parts: Vec<String> = word
        .parts
        .iter()
        .map(|part| match &part.kind {
            PartKind::Literal(text) => format!("{text:?}"),
            PartKind::Variable(expansion) => {
                format!(
                    "{} {:?}",
                    expansion.name,
                    std::mem::discriminant(&expansion.operator)
                        == std::mem::discriminant(&Operator::Value)
                )
            }
            PartKind::Input => "input".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        parts,
        [
            "\"a\"", "\"b c\"", "\"d \"", "E true", "\" \"", "F false", "\" \"", "\"\\n\"",
            "I false", "J false", "K false", "L false", "input"
        ]
    );
    for part in &word.parts {
        if let PartKind::Literal(literal) = &part.kind
            && literal.len() == part.span.len()
        {
            assert_eq!(&text[part.span.start..part.span.end], &**literal);
        }
    }
}

#[test]
fn assignments_stand_before_the_command() {
    let script = lex("A=1 B=\"$X\" cmd C=3\nD=(x \"$Y\")\nE+=z\nF=");
    let found = commands(&script);
    assert_eq!(found[0].assignments.len(), 2);
    assert_eq!(found[0].words.len(), 2);
    assert!(
        matches!(&found[1].assignments[0].value, AssignedValue::List(words) if words.len() == 2)
    );
    assert!(found[2].assignments[0].appends);
    assert!(
        matches!(&found[3].assignments[0].value, AssignedValue::Word(word) if word.parts.is_empty())
    );
    let (name, value) = found[0].words[1].split_assignment().unwrap();
    assert_eq!((name, value.literal().as_deref()), ("C", Some("3")));
}

#[test]
fn redirections_tell_output_from_the_rest() {
    let script = lex("a > f 2> g >> h < i &> j 2>&1");
    let found = commands(&script);
    let targets: Vec<(bool, String)> = found[0]
        .redirections
        .iter()
        .map(|redirection| (redirection.stdout, redirection.target.literal().unwrap()))
        .collect();
    let expected = [
        (true, "f"),
        (false, "g"),
        (true, "h"),
        (true, "j"),
        (false, "1"),
    ];
    assert_eq!(
        targets,
        expected.map(|(stdout, target)| (stdout, target.to_owned()))
    );
    assert_eq!(found[0].words.len(), 1);
    let script = lex("{ a; b > x; } > y");
    let found = commands(&script);
    assert_eq!(
        (found[0].redirections.len(), found[1].redirections.len()),
        (1, 2)
    );
}

#[test]
fn powershell_has_its_own_escapes() {
    let text = "Invoke-RestMethod `\n -Uri \"a`\"b\" -Headers @{ 'X' = $env:Y; Z = 'w' }\nWrite-Host C:\\dir";
    let script = lex(text);
    let found = commands(&script);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].words[2].literal().as_deref(), Some("a\"b"));
    let PartKind::Table(cells) = &found[0].words[4].parts[0].kind else {
        panic!("{:?}", found[0].words[4]);
    };
    assert_eq!(cells.len(), 2);
    assert_eq!(&*cells[0].1.sole_expansion().unwrap().name, "Y");
    assert_eq!(found[1].words[1].literal().as_deref(), Some("C:\\dir"));
}

#[test]
fn a_variable_named_env_is_no_powershell() {
    assert_eq!(
        outline("docker pull a/$env:latest \\\n  b"),
        ["docker pull a/$env:latest b"]
    );
}

#[test]
fn spans_survive_another_shell() {
    let text = "ssh h \"a \\\"b $X\\\" \\$Y\" c";
    let script = lex(text);
    let inner = commands(&script)[1];
    let shown: Vec<&str> = inner
        .words
        .iter()
        .map(|word| &text[word.span.start..word.span.end])
        .collect();
    assert_eq!(shown, ["a", "\"b $X\\\"", "$Y", "c"]);
}

/// Every Open has its Close, and every span lies in the text, on character borders.
fn assert_sound(text: &str) {
    let script = lex(text);
    let mut depth = 0_i64;
    for item in &script.items {
        match item {
            Item::Open(_) => depth += 1,
            Item::Close => depth -= 1,
            Item::Alternative => assert!(depth > 0, "{text:?}"),
            Item::Command(command) => {
                assert!(
                    text.get(command.span.start..command.span.end).is_some(),
                    "{text:?}"
                );
                for word in command.words.iter().chain(&command.here) {
                    assert!(
                        text.get(word.span.start..word.span.end).is_some(),
                        "{text:?}"
                    );
                    for part in &word.parts {
                        assert!(
                            text.get(part.span.start..part.span.end).is_some(),
                            "{text:?}"
                        );
                    }
                }
            }
        }
        assert!(depth >= 0, "{text:?}");
    }
    assert_eq!(depth, 0, "{text:?}");
}

const SAMPLE: &str = r#"set -euo pipefail
if [ -z "${TOKEN:-}" ] || [[ $X == a* && -n "$Y" ]]; then export TOKEN=$(cat "f" | tr -d '\n'); fi
api() { curl -sS --header "PRIVATE-TOKEN: ${TOKEN}" "${CI_API_V4_URL}/projects/$1" | jq -r '.[] | "é \(.id)"'; }
for i in $(seq 1 3); do api "$i" || { echo "fail `date` $((i + 1))"; exit 1; }; done
case "$REF" in main|v*) git push "https://oauth2:${TOKEN}@host/x.git" ;; *) : ;; esac
cat <<-EOF | docker login -u x --password-stdin "$R" > /dev/null 2>&1
	$TOKEN
	EOF
ssh host "bash -c 'echo \"a\" \$B'" <<< $'x\ty' # comment
args=(-H "A: $B" ${X:+--flag}); curl "${args[@]}" <(printf '%s' "$Y") ${Z##*/} $[[ inputs.x ]]
"#;

#[test]
fn every_prefix_and_suffix_of_a_script_is_sound() {
    for (at, _) in SAMPLE.char_indices() {
        assert_sound(&SAMPLE[..at]);
        assert_sound(&SAMPLE[at..]);
    }
    let windows = SAMPLE.replace("TOKEN", "$env:TOKEN").replace('\n', "\r\n");
    for (at, _) in windows.char_indices() {
        assert_sound(&windows[..at]);
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    let many = 200_000;
    let mut heredocs = String::new();
    for index in 0..20_000 {
        writeln!(heredocs, "cat <<E{index}").unwrap();
    }
    let texts = [
        "$(".repeat(many),
        "$(a".repeat(many),
        "\"$(".repeat(many),
        "`".repeat(100_001),
        "`a ".repeat(100_000),
        "\\`".repeat(many),
        "${".repeat(many),
        "${a:-".repeat(many),
        "$((".repeat(many),
        "$[[".repeat(many / 4),
        "(".repeat(many),
        "{ ".repeat(many),
        "if ".repeat(many),
        "case x in ".repeat(many),
        "f() ".repeat(many),
        "a || ".repeat(many),
        "a && ".repeat(many),
        "a | ".repeat(many),
        "( a ) | ".repeat(many / 4),
        "{ a; } > b; ".repeat(many / 8),
        ") ".repeat(many),
        "} ; fi ; done ; esac ; ".repeat(many / 16),
        "eval ".repeat(many / 4),
        "ssh h \"".repeat(many / 8),
        "bash -c '".repeat(many / 8),
        "sudo ".repeat(many),
        "'".repeat(many + 1),
        "\"".repeat(many + 1),
        "<".repeat(many),
        "a <<".repeat(many),
        "<( ".repeat(many),
        "A=(".repeat(many),
        "A=".repeat(many),
        ";;".repeat(many),
        "@{ $env:a = ".repeat(many / 8),
        "\n".repeat(many),
        "\\".repeat(many + 1),
        "é".repeat(many),
        heredocs,
    ];
    // Quadratic behaviour would take minutes; a busy machine does not.
    for text in &texts {
        let start = Instant::now();
        assert_sound(text);
        let taken = start.elapsed();
        let head: String = text.chars().take(20).collect();
        assert!(taken < Duration::from_secs(20), "{head:?} took {taken:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_sound(text in "[ab $(){}|&;<>'\"`\\\\#=\\[\\]!\nif doé:@-]{0,80}") {
        assert_sound(&text);
    }
}
