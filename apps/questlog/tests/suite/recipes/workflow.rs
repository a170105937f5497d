//! What GitHub Actions asks of a workflow, as far as the recipe and this repository's own workflow use
//! it.
//!
//! From "Workflow syntax for GitHub Actions" (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>).
//! A key that is not known here is refused, also when GitHub knows it: the test would run something
//! else than what is printed.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A workflow file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workflow {
    #[serde(rename = "name")]
    _name: Option<String>,
    pub(super) on: BTreeMap<String, Option<BTreeMap<String, Vec<String>>>>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(rename = "concurrency")]
    _concurrency: Option<Concurrency>,
    pub(super) jobs: BTreeMap<String, Job>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Concurrency {
    #[serde(rename = "group")]
    _group: String,
    #[serde(rename = "cancel-in-progress")]
    _cancel_in_progress: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Job {
    runs_on: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    timeout_minutes: Option<u32>,
    container: Option<String>,
    pub(super) strategy: Option<Strategy>,
    #[serde(default)]
    pub(super) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Strategy {
    #[serde(rename = "fail-fast")]
    _fail_fast: Option<bool>,
    /// Without `include` and `exclude`.
    pub(super) matrix: BTreeMap<String, Vec<String>>,
}

/// A container beside the job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) image: String,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    ports: Vec<String>,
    options: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(rename = "name")]
    _name: Option<String>,
    pub(super) uses: Option<String>,
    /// Settings of the action.
    #[serde(default)]
    with: BTreeMap<String, bool>,
    pub(super) run: Option<String>,
}

impl Workflow {
    /// What GitHub would refuse, or would not do as it is meant.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.on.is_empty() {
            problems.push("nothing starts it".to_owned());
        }
        for event in self.on.keys() {
            if !["push", "pull_request", "workflow_dispatch"].contains(&event.as_str()) {
                problems.push(format!("on: {event}"));
            }
        }
        check_permissions(&self.permissions, &mut problems);
        if self.jobs.is_empty() {
            problems.push("it has no jobs".to_owned());
        }
        for (id, job) in &self.jobs {
            if !is_id(id) {
                problems.push(format!("jobs: {id} is no id"));
            }
            job.check(&mut problems);
        }
        problems
    }
}

impl Job {
    fn check(&self, problems: &mut Vec<String>) {
        // Services and containers need Linux.
        if !self.runs_on.starts_with("ubuntu-") {
            problems.push(format!("runs-on: {}", self.runs_on));
        }
        check_permissions(&self.permissions, problems);
        if self
            .timeout_minutes
            .is_some_and(|m| !(1..=360).contains(&m))
        {
            problems.push(format!("timeout-minutes: {:?}", self.timeout_minutes));
        }
        if let Some(image) = &self.container {
            check_image(image, problems);
            if self.services.values().any(|s| !s.ports.is_empty()) {
                problems.push("in a container services are not at localhost".to_owned());
            }
        }
        if let Some(strategy) = &self.strategy {
            for (name, values) in &strategy.matrix {
                if !is_id(name) || values.is_empty() {
                    problems.push(format!("matrix: {name}: {values:?}"));
                }
            }
        }
        for (id, service) in &self.services {
            if !is_id(id) {
                problems.push(format!("services: {id} is no id"));
            }
            service.check(problems);
        }
        for value in self.env.values() {
            for name in expressions(value) {
                let known = name.strip_prefix("matrix.").is_some_and(|name| {
                    let matrix = self.strategy.iter().map(|strategy| &strategy.matrix);
                    matrix.into_iter().any(|matrix| matrix.contains_key(name))
                });
                if !known {
                    problems.push(format!("env: {value}: nothing is called {name}"));
                }
            }
        }
        if self.steps.is_empty() {
            problems.push("no steps".to_owned());
        }
        let mut is_checked_out = false;
        for step in &self.steps {
            match (&step.uses, &step.run) {
                (Some(action), None) => {
                    if let Some(version) = action.strip_prefix("actions/checkout@v") {
                        is_checked_out = true;
                        // Older ones need Node.js 20, which runners have no more.
                        if version.parse::<u32>().is_ok_and(|version| version < 5) {
                            problems.push(format!("uses: {action}: too old"));
                        }
                    }
                    if !is_action(action) {
                        problems.push(format!("uses: {action}"));
                    }
                    for name in step.with.keys() {
                        if name != "persist-credentials" {
                            problems.push(format!("{action} has no setting {name}"));
                        }
                    }
                }
                (None, Some(script)) if !script.trim().is_empty() && step.with.is_empty() => {
                    if !is_checked_out {
                        problems.push(format!("run: {script}: before the checkout"));
                    }
                }
                _ => problems.push(format!("neither one action nor one script: {step:?}")),
            }
        }
    }

    /// The environment of the steps with one choice of the matrix.
    pub(super) fn env_with(&self, choice: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let filled = self.env.iter().map(|(name, value)| {
            let mut value = value.clone();
            for expression in expressions(&value.clone()) {
                let with = expression
                    .strip_prefix("matrix.")
                    .and_then(|n| choice.get(n));
                let with = with.unwrap_or_else(|| panic!("{expression} is not in {choice:?}"));
                value = value.replace(&format!("${{{{ {expression} }}}}"), with);
            }
            (name.clone(), value)
        });
        filled.collect()
    }
}

impl Service {
    fn check(&self, problems: &mut Vec<String>) {
        check_image(&self.image, problems);
        let known: &[&str] = match self.image.split(':').next() {
            Some("postgres") => &["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"],
            Some("mariadb") => &["MARIADB_ROOT_PASSWORD", "MARIADB_DATABASE"],
            _ => &[],
        };
        for name in self.env.keys() {
            if !known.contains(&name.as_str()) {
                problems.push(format!("{} does not read {name}", self.image));
            }
        }
        for port in &self.ports {
            if parse_port(port).is_none() {
                problems.push(format!("ports: {port}"));
            }
        }
        for (flag, value) in flags(self.options.as_deref().unwrap_or_default()) {
            let fits = match flag.as_str() {
                "--health-cmd" => !value.is_empty(),
                "--health-interval" | "--health-timeout" | "--health-start-period" => value
                    .strip_suffix(['s', 'm'])
                    .is_some_and(|number| number.parse::<u32>().is_ok()),
                "--health-retries" => value.parse::<u32>().is_ok(),
                _ => false,
            };
            if !fits {
                problems.push(format!("options: {flag} {value}"));
            }
        }
    }

    /// Whether the runner has it at a port of its own.
    pub(super) fn is_at(&self, port: u16) -> bool {
        let mut ports = self.ports.iter().filter_map(|port| parse_port(port));
        ports.any(|(outside, _)| outside == port)
    }
}

/// `HOST:CONTAINER`.
fn parse_port(text: &str) -> Option<(u16, u16)> {
    let (outside, inside) = text.split_once(':')?;
    Some((outside.parse().ok()?, inside.parse().ok()?))
}

/// The options for `docker create`, as a shell would take them apart: flag and value by turns.
fn flags(options: &str) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for (number, part) in options.split('"').enumerate() {
        match number % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    let pairs = words.chunks(2);
    let pairs = pairs.map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default()));
    pairs.collect()
}

/// What stands between `${{` and `}}`.
fn expressions(text: &str) -> Vec<String> {
    let parts = text.split("${{").skip(1);
    let inside = parts.map(|part| part.split("}}").next().unwrap_or_default());
    inside.map(|name| name.trim().to_owned()).collect()
}

fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

/// `OWNER/NAME@VERSION`.
fn is_action(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, version)| {
        !version.is_empty() && name.split('/').filter(|part| !part.is_empty()).count() == 2
    })
}

/// Nothing here reads or writes more than the sources.
fn check_permissions(permissions: &BTreeMap<String, String>, problems: &mut Vec<String>) {
    for (scope, access) in permissions {
        if scope != "contents" || !["read", "write", "none"].contains(&access.as_str()) {
            problems.push(format!("permissions: {scope}: {access}"));
        }
    }
}

/// With a release, so that a job is the same tomorrow.
fn check_image(image: &str, problems: &mut Vec<String>) {
    match image.split_once(':') {
        Some((name, tag)) if !name.is_empty() && !tag.is_empty() && tag != "latest" => {}
        _ => problems.push(format!("image: {image}")),
    }
}
