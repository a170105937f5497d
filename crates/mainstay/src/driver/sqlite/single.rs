//! Statements and scripts that run by themselves.
//!
//! Answers to callers that are gone in the meantime are dropped: nothing is left to do for them.

use super::checkpoint;
use super::job::{self, Run, Script, is_beyond_commits, is_shared};
use super::session::{Session, ran};

pub(super) fn perform_run(session: &mut Session, run: Run) {
    if !is_shared(&run.statement) && !run.caller.end() {
        return;
    }
    let result = session
        .run(&run.statement, run.chunks.as_ref(), &run.caller)
        .and_then(ran);
    job::answer(run.answer, &run.caller, result);
}

pub(super) fn perform_script(session: &mut Session, script: Script) {
    if is_beyond_commits(&script.sql) && !script.caller.end() {
        return;
    }
    let result = session.script(&script.sql, &script.caller).and_then(ran);
    // A pragma may have replaced the hook.
    checkpoint::watch(session.connection());
    match result {
        Ok(()) => job::answer(script.answer, &script.caller, Ok(())),
        // What came before the failure may be there, and the error says so.
        Err(error) => drop(script.answer.send(Err(error))),
    }
}
