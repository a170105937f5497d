//! Problems of an input and the error that they are together.

use super::{Error, ErrorKind, FieldErrors, Result};

impl FieldErrors {
    /// Adds what a check has found behind these, except for fields that have a problem already: a
    /// second one is most often the same mistake seen again.
    ///
    /// # Errors
    /// What the check failed with, if that is not a `VALIDATION_ERROR`.
    pub fn add_new(&mut self, checked: Result<()>) -> Result<()> {
        let Err(error) = checked else { return Ok(()) };
        if error.kind() != ErrorKind::Validation {
            return Err(error);
        }
        let earlier = self.clone();
        let new = error.fields().iter().filter(|e| !earlier.names(&e.field));
        for problem in new {
            self.push(problem.field.clone(), problem.message.clone());
        }
        Ok(())
    }

    /// `Ok` when there are none, otherwise a `VALIDATION_ERROR` with all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Validation`] when there is at least one problem.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Error::validation(self))
        }
    }
}
