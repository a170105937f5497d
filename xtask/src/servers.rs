//! The private servers of a test run.
//!
//! They belong to the binary `mainstay-testserver`, which stops them when its input ends. We hold the
//! other end, so that they stop however we end: a failure, Ctrl-C, even SIGKILL.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::engine::Engine;
use crate::packages;

/// The engines whose programs are not here, each with the reason and what to install.
pub(crate) fn missing(engines: &[Engine]) -> Result<Vec<(Engine, String)>, String> {
    let output = testserver(engines)?
        .arg("--check")
        .output()
        .map_err(|error| format!("mainstay-testserver cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line = parse(line)?;
        if let (Some(engine), Some(reason)) = (engine_of(&line), line["missing"].as_str()) {
            let install = line["install"].as_str().unwrap_or_default();
            found.push((engine, format!("{reason}\n{install}")));
        }
    }
    for engine in engines {
        let programs = packages::missing_programs(*engine);
        if !programs.is_empty() && !found.iter().any(|(other, _)| other == engine) {
            let reason = format!(
                "the programs for backups are missing: {}",
                programs.join(", ")
            );
            let install = format!("install {}", packages::of(*engine).join(" "));
            found.push((*engine, format!("{reason}\n{install}")));
        }
    }
    Ok(found)
}

/// Running servers. Dropping this stops them.
pub(crate) struct Servers {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Servers {
    /// Starts the servers of some engines and waits until all are ready.
    pub(crate) fn start(engines: &[Engine]) -> Result<Self, String> {
        let mut command = testserver(engines)?;
        #[cfg(unix)]
        {
            // Ctrl-C is for us and the tests; the servers go when we do, after the tests.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("mainstay-testserver cannot be started: {error}"))?;
        let output = child.stdout.take();
        // From here on dropping stops it, also when something below fails.
        let mut servers = Self {
            child,
            variables: Vec::new(),
        };
        for line in output
            .into_iter()
            .flat_map(|output| BufReader::new(output).lines())
        {
            let line = parse(&line.map_err(|error| error.to_string())?)?;
            if line["ready"] == true {
                return Ok(servers);
            }
            servers.read(&line)?;
        }
        Err("mainstay-testserver ended before its servers were ready".to_owned())
    }

    fn read(&mut self, line: &Value) -> Result<(), String> {
        let engine = engine_of(line).ok_or_else(|| format!("unexpected line {line}"))?;
        if let Some(url) = line["url"].as_str() {
            let name = engine.name().to_uppercase();
            println!("    {} is ready", engine.name());
            self.variables
                .push((format!("MAINSTAY_TEST_{name}_URL"), url.to_owned()));
            if let Some(ca) = line["ca"].as_str() {
                self.variables
                    .push((format!("MAINSTAY_TEST_{name}_CA"), ca.to_owned()));
            }
            return Ok(());
        }
        let problem = line["broken"].as_str().or_else(|| line["missing"].as_str());
        Err(problem.unwrap_or("the server did not start").to_owned())
    }

    /// The address of an engine's server.
    pub(crate) fn url(&self, engine: Engine) -> Option<&str> {
        let name = format!("MAINSTAY_TEST_{}_URL", engine.name().to_uppercase());
        let found = self.variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, url)| url.as_str())
    }

    /// The environment variables in which tests look for the servers.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The binary lies beside ours: both are built into the same folder.
fn testserver(engines: &[Engine]) -> Result<Command, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().map(PathBuf::from).unwrap_or_default();
    let mut command = Command::new(folder.join("mainstay-testserver"));
    command.args(engines.iter().map(|engine| engine.name()));
    Ok(command)
}

fn parse(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("unexpected line '{line}': {error}"))
}

fn engine_of(line: &Value) -> Option<Engine> {
    Engine::ALL
        .into_iter()
        .find(|engine| line["engine"] == engine.name())
}
