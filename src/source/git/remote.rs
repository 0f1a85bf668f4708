//! The address that a repository was cloned from, without anything that could be a credential.
//!
//! The configuration that names it has no effect: includes are not followed and rewritten addresses
//! (`insteadOf`) are not looked up. Where in doubt there is no address.

use gix_config::File;
use gix_config::file::{Metadata, init};

/// The address of the remote `origin` in the bytes of a repository's configuration, as reports may show
/// it.
pub(super) fn origin(config: &[u8]) -> Option<String> {
    let file =
        File::from_bytes_no_includes(config, Metadata::api(), init::Options::default()).ok()?;
    // Of several addresses, Git fetches from the first.
    let url = file.strings("remote.origin.url")?.into_iter().next()?;
    without_credentials(std::str::from_utf8(&url).ok()?)
}

/// The address in `url` without user, password, query and fragment, or none where it names no host,
/// is a path of the machine, or holds what could be a credential in another place.
fn without_credentials(url: &str) -> Option<String> {
    const SCHEMES: [&str; 8] = [
        "https", "http", "ssh", "git", "git+ssh", "ssh+git", "ftps", "ftp",
    ];
    let (scheme, authority, path) = if let Some((scheme, rest)) = url.split_once("://") {
        let scheme = SCHEMES
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known))?;
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        (scheme, authority, path.to_owned())
    } else {
        // `git@gitlab.example:group/project.git`
        let (authority, path) = url.split_once(':')?;
        if authority.contains('/') || path.starts_with([':', '/', '\\']) {
            return None;
        }
        let path = path.split(['?', '#']).next()?;
        ("ssh", authority, format!("/{path}"))
    };
    let host = authority.rsplit('@').next()?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    // One letter is a drive, and an `@` in the path is the end of a password with a slash in it.
    if host.len() < 2 || !host.chars().all(is_host) || path.contains('@') {
        return None;
    }
    let is_path = |c: char| c.is_ascii_alphanumeric() || "-._~/+%!$&'()*,=:".contains(c);
    path.chars()
        .all(is_path)
        .then(|| format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_address_of_origin_is_the_one_that_git_fetches_from() {
        let config = b"[core]\n\tbare = false\n\turl = https://no.example\n[remote \"up\"]\n\turl = https://up.example/x\n\
                       [remote \"origin\"]\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\turl = \"https://me:pw@one.example/x\" ; c\n\
                       \turl = https://two.example/x\n[branch \"main\"]\n\tremote = origin\n";
        assert_eq!(origin(config).unwrap(), "https://one.example/x");
        for config in [
            "",
            "[remote \"Origin\"]\nurl = https://a.example/b",
            "[remote \"origin\"\nurl = https://a.example/b",
            "[remote \"origin\"]\npushurl = https://a.example/b",
            "[include]\npath = /etc/passwd",
        ] {
            assert_eq!(origin(config.as_bytes()), None, "{config}");
        }
    }

    #[test]
    fn credentials_never_stay_in_an_address() {
        for (url, shown) in [
            (
                "https://gitlab.example/a/b.git",
                "https://gitlab.example/a/b.git",
            ),
            (
                "HTTPS://oauth2:secret@gitlab.example:8443/a",
                "https://gitlab.example:8443/a",
            ),
            (
                "https://secret@gitlab.example/a",
                "https://gitlab.example/a",
            ),
            (
                "https://u:p@ss@gitlab.example/a",
                "https://gitlab.example/a",
            ),
            (
                "https://gitlab.example/a?private_token=secret",
                "https://gitlab.example/a",
            ),
            (
                "https://gitlab.example/a#secret",
                "https://gitlab.example/a",
            ),
            ("https://gitlab.example", "https://gitlab.example"),
            ("git@gitlab.example:a/b.git", "ssh://gitlab.example/a/b.git"),
            ("gitlab.example:a/b.git", "ssh://gitlab.example/a/b.git"),
            ("ssh://git@[2001:db8::1]:22/a", "ssh://[2001:db8::1]:22/a"),
        ] {
            assert_eq!(without_credentials(url).as_deref(), Some(shown), "{url}");
        }
        for url in [
            "https://user:se/cret@gitlab.example/a",
            "user:secret@gitlab.example:a",
            "https://user:secret@/a",
            "https://gitlab.example/a b",
            "https://gitlab.example/a\u{202e}b",
            "https://git lab/a",
            "file:///srv/git/a",
            "/srv/git/a",
            "../a",
            "C:\\git\\a",
            "C:/git/a",
            "ext::sh -c secret",
            "javascript://x/a",
            "",
        ] {
            assert_eq!(without_credentials(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_part_of_user_or_password_is_in_the_address(
            user in "[A-Z]{1,4}[A-Z:/@?# %\\\\]{0,12}",
            password in "[A-Z]{4}[A-Z:/@?# %\\\\]{0,12}[A-Z]{4}",
            path in "[a-z/]{0,12}",
        ) {
            for url in [
                format!("https://{user}:{password}@gitlab.example/{path}"),
                format!("{user}:{password}@gitlab.example:{path}"),
            ] {
                // A `?`, `#` or `/` ends what Git takes for user and password; what stands before
                // it is then the host, which is no host of a real clone.
                let Some(shown) = without_credentials(&url) else { continue };
                if !user.contains(['/', '?', '#']) && !password.contains(['/', '?', '#']) {
                    prop_assert!(!shown.contains(|c: char| c.is_ascii_uppercase()), "{shown}");
                }
            }
        }

        #[test]
        fn any_configuration_is_read_to_its_end(text in "[\\[\\]\"\\\\a-z =#;\n]{0,200}") {
            let _ = origin(text.as_bytes());
        }
    }
}
