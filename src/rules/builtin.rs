//! The rule files that come with the program. A test compares the list with the folders.

/// Lists rule files of one folder with their text.
macro_rules! embed {
    ($folder:literal: $($id:literal,)*) => {
        &[$(($id, include_str!(concat!("../../rules/", $folder, "/", $id, ".yml"))),)*]
    };
}

/// Detector rules: id and text of the file.
pub(super) const DETECTORS: &[(&str, &str)] = embed! { "detectors":
    "leaked-access-token",
    "leaked-agent-token",
    "leaked-deploy-token",
    "leaked-feature-flags-token",
    "leaked-feed-token",
    "leaked-iam-token",
    "leaked-job-token",
    "leaked-mail-token",
    "leaked-oauth-secret",
    "leaked-oauth-token",
    "leaked-runner-controller-token",
    "leaked-runner-registration-token",
    "leaked-runner-token",
    "leaked-scim-token",
    "leaked-session-cookie",
    "leaked-trigger-token",
    "leaked-unprefixed-token",
    "leaked-workspace-token",
};

/// Policy rules: id and text of the file.
pub(super) const POLICIES: &[(&str, &str)] = embed! { "policies":
    "debug-trace-enabled",
    "environment-dump",
    "job-token-in-private-token-header",
    "job-token-unreachable-endpoint",
    "overbroad-scope",
    "personal-token-for-automation",
    "personal-token-in-ci",
    "registry-login-password-argv",
    "role-scope-mismatch",
    "token-expiry-window",
    "token-in-url-query",
    "token-no-expiry",
    "token-over-insecure-transport",
    "token-unused",
};
