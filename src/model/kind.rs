//! The kinds of GitLab credentials.

use std::fmt;
use std::str::FromStr;

/// Declares [`TokenKind`] together with the ids that rule, knowledge and inventory files use.
macro_rules! token_kinds {
    ($($variant:ident => $id:literal, $noun:literal;)+) => {
        /// A kind of GitLab credential.
        ///
        /// What each can do, how long it lives and how it is revoked stands in
        /// `rules/knowledge/token-kinds.yml` under the same id.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TokenKind {
            $(#[doc = $noun] $variant,)+
        }

        impl TokenKind {
            /// Every kind, in the order of the knowledge file.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The id in rule, knowledge and inventory files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// The name in messages, lower case: `project access token`.
            pub const fn noun(self) -> &'static str {
                match self { $(Self::$variant => $noun,)+ }
            }
        }
    };
}

token_kinds! {
    PersonalAccessToken => "personal_access_token", "personal access token";
    FineGrainedPersonalAccessToken => "fine_grained_personal_access_token", "fine-grained personal access token";
    ImpersonationToken => "impersonation_token", "impersonation token";
    ProjectAccessToken => "project_access_token", "project access token";
    GroupAccessToken => "group_access_token", "group access token";
    ServiceAccountAccessToken => "service_account_access_token", "service account access token";
    DeployToken => "deploy_token", "deploy token";
    OauthApplicationSecret => "oauth_application_secret", "OAuth application secret";
    OauthAccessToken => "oauth_access_token", "OAuth access token";
    OauthRefreshToken => "oauth_refresh_token", "OAuth refresh token";
    IamOauthAccessToken => "iam_oauth_access_token", "IAM OAuth access token";
    IamOauthRefreshToken => "iam_oauth_refresh_token", "IAM OAuth refresh token";
    IamOauthAuthorizationCode => "iam_oauth_authorization_code", "IAM OAuth authorization code";
    RunnerRegistrationToken => "runner_registration_token", "runner registration token";
    RunnerAuthenticationToken => "runner_authentication_token", "runner authentication token";
    RunnerControllerToken => "runner_controller_token", "runner controller token";
    CiJobToken => "ci_job_token", "CI job token";
    CiIdToken => "ci_id_token", "CI ID token";
    PipelineTriggerToken => "pipeline_trigger_token", "pipeline trigger token";
    FeedToken => "feed_token", "feed token";
    IncomingMailToken => "incoming_mail_token", "incoming mail token";
    AgentToken => "agent_token", "agent for Kubernetes token";
    WorkspaceToken => "workspace_token", "workspace token";
    ScimToken => "scim_token", "SCIM token";
    FeatureFlagsClientToken => "feature_flags_client_token", "feature flags client token";
    GitlabSessionCookie => "gitlab_session_cookie", "session cookie";
    StaticObjectToken => "static_object_token", "static object token";
    InstanceSettingTokens => "instance_setting_tokens", "instance setting token";
    AiWorkflowToken => "ai_workflow_token", "Duo agent token";
    DeployKey => "deploy_key", "deploy key";
    // Inventories also list these, which are no token kinds of the knowledge file.
    OauthApplication => "oauth_application", "OAuth application";
    CiVariable => "ci_variable", "CI/CD variable";
    JobTokenScope => "job_token_scope", "job token scope setting";
    Runner => "runner", "runner";
    AccessToken => "access_token", "access token of unknown kind";
}

impl TokenKind {
    /// The six kinds that share the `glpat-` prefix, and the one that stands for any of them: the
    /// value of a token cannot tell which it is.
    pub const fn is_access_token(self) -> bool {
        matches!(
            self,
            Self::PersonalAccessToken
                | Self::FineGrainedPersonalAccessToken
                | Self::ImpersonationToken
                | Self::ProjectAccessToken
                | Self::GroupAccessToken
                | Self::ServiceAccountAccessToken
                | Self::AccessToken
        )
    }

    /// Whether only inventories list it: it is no credential that knowledge has facts about.
    pub const fn is_inventory_only(self) -> bool {
        matches!(
            self,
            Self::OauthApplication
                | Self::CiVariable
                | Self::JobTokenScope
                | Self::Runner
                | Self::AccessToken
        )
    }

    /// Whether the token acts as a human being.
    pub const fn is_personal(self) -> bool {
        matches!(
            self,
            Self::PersonalAccessToken
                | Self::FineGrainedPersonalAccessToken
                | Self::ImpersonationToken
        )
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}

impl FromStr for TokenKind {
    type Err = super::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| super::UnknownWord::new("token kind", text))
    }
}
