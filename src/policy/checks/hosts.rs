//! What can be told of the hosts that credentials are sent to.

use std::net::IpAddr;

use crate::model::Host;
use crate::rules::Settings;

/// Whether this is the instance that runs the job, by a predefined variable or by the configuration.
pub(super) fn is_own_instance(host: &Host, settings: &Settings) -> bool {
    match host {
        Host::OwnInstance => true,
        Host::Literal(name) => settings.hosts.iter().any(|own| **own == **name),
        Host::OwnRegistry | Host::Variable(_) | Host::Unknown => false,
    }
}

/// Whether the routes of this instance are known: the own one, or gitlab.com as long as the
/// configuration names no other instance or release. What gitlab.com does not take from its own jobs it
/// takes from no others.
pub(super) fn has_known_routes(host: &Host, settings: &Settings) -> bool {
    let unconfigured = settings.hosts.is_empty() && settings.gitlab_version.is_none();
    is_own_instance(host, settings)
        || matches!(host, Host::Literal(name) if unconfigured && &**name == "gitlab.com")
}

/// Whether this is a GitLab instance for sure or by its name: the own one, gitlab.com, or a host
/// with a label that begins with `gitlab`, as instances are usually called.
pub(super) fn is_gitlab(host: &Host, settings: &Settings) -> bool {
    match host {
        Host::OwnInstance | Host::OwnRegistry => true,
        Host::Literal(name) => {
            is_own_instance(host, settings)
                || name.split('.').any(|label| label.starts_with("gitlab"))
        }
        Host::Variable(_) | Host::Unknown => false,
    }
}

/// Whether what is sent there stays on the machine or in the private network of the job: loopback,
/// and names of one label, which are service aliases.
pub(super) fn is_local(host: &Host) -> bool {
    let Host::Literal(name) = host else {
        return false;
    };
    let name = name.trim_start_matches('[').trim_end_matches([']', '.']);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => {
            !name.contains(['.', ':'])
                || name.ends_with(".localhost")
                || name == "host.docker.internal"
        }
    }
}

/// Whether the host is known to be no GitLab instance but a service that has personal tokens of its
/// own.
pub(super) fn is_other_service(host: &Host) -> bool {
    const DOMAINS: &[&str] = &[
        "azure.com",
        "bitbucket.org",
        "docker.com",
        "docker.io",
        "ghcr.io",
        "github.com",
        "githubusercontent.com",
        "npmjs.org",
        "pypi.org",
        "quay.io",
        "visualstudio.com",
    ];
    let Host::Literal(name) = host else {
        return false;
    };
    DOMAINS.iter().any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(name: &str) -> Host {
        Host::Literal(name.into())
    }

    #[test]
    fn own_instance_is_a_predefined_variable_or_configured() {
        let settings = Settings {
            hosts: vec!["git.example".to_owned()],
            ..Settings::default()
        };
        assert!(is_own_instance(&Host::OwnInstance, &settings));
        assert!(is_own_instance(&literal("git.example"), &settings));
        assert!(!is_own_instance(&literal("gitlab.com"), &settings));
        assert!(!is_own_instance(&Host::OwnRegistry, &settings));
        assert!(!is_own_instance(&Host::Variable("HOST".into()), &settings));
        assert!(!is_own_instance(&Host::Unknown, &Settings::default()));
    }

    #[test]
    fn routes_of_gitlab_com_are_known_unless_the_configuration_speaks_of_another() {
        let unconfigured = Settings::default();
        assert!(has_known_routes(&Host::OwnInstance, &unconfigured));
        assert!(has_known_routes(&literal("gitlab.com"), &unconfigured));
        assert!(!has_known_routes(
            &literal("about.gitlab.com"),
            &unconfigured
        ));
        assert!(!has_known_routes(&literal("gitlab.example"), &unconfigured));
        let elsewhere = Settings {
            hosts: vec!["git.example".to_owned()],
            ..Settings::default()
        };
        assert!(!has_known_routes(&literal("gitlab.com"), &elsewhere));
        assert!(has_known_routes(&literal("git.example"), &elsewhere));
        let old = Settings {
            gitlab_version: Some("17.0".parse().unwrap()),
            ..Settings::default()
        };
        assert!(!has_known_routes(&literal("gitlab.com"), &old));
    }

    #[test]
    fn gitlab_by_name() {
        let settings = Settings::default();
        for name in ["gitlab.com", "gitlab.example.org", "gitlab-int.example.org"] {
            assert!(is_gitlab(&literal(name), &settings), "{name}");
        }
        for name in ["example.org", "notgitlab.org", "github.com"] {
            assert!(!is_gitlab(&literal(name), &settings), "{name}");
        }
    }

    #[test]
    fn local_is_loopback_or_one_label() {
        for name in [
            "localhost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "[::1]",
            "0.0.0.0",
            "docker",
            "app.localhost",
            "localhost.",
            "host.docker.internal",
        ] {
            assert!(is_local(&literal(name)), "{name}");
        }
        for name in ["gitlab.example", "10.0.0.1", "128.0.0.1", "2001:db8::1"] {
            assert!(!is_local(&literal(name)), "{name}");
        }
        assert!(!is_local(&Host::OwnInstance));
        assert!(!is_local(&Host::Unknown));
    }

    #[test]
    fn other_services_with_their_subdomains() {
        assert!(is_other_service(&literal("github.com")));
        assert!(is_other_service(&literal("api.github.com")));
        assert!(!is_other_service(&literal("notgithub.com")));
        assert!(!is_other_service(&literal("github.com.example")));
    }
}
