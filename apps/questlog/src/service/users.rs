//! Creating and changing people.

use std::fmt;

use chrono::{DateTime, Utc};
use mainstay::config::Secret;
use mainstay::schema::{Assignment, Insert as _, TableModel};
use mainstay::validate::{prepare, prepare_insert};
use mainstay::{Entity as _, FieldErrors, Result};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::App;
use crate::entities::User;
use crate::entities::user::NewUser;
use crate::input::{Input, given, nullable};
use crate::password;

/// What a person is created from. XP, level and streak are earned, so they are not in it.
///
/// The rules for its fields are those of [`User`]'s columns, and the password's.
#[doc(alias = "userCreateSchema")]
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Registration {
    /// The address.
    pub email: Option<String>,
    /// What to call the person.
    pub name: Option<String>,
    /// Settings.
    pub preferences: Option<serde_json::Value>,
    /// The password, if the person is to log in.
    pub password: Option<Password>,
}

/// A change of a person. XP, level and streak are not in it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserChange {
    /// The address.
    #[serde(deserialize_with = "given")]
    pub email: Option<String>,
    /// What to call the person.
    #[serde(deserialize_with = "given")]
    pub name: Option<String>,
    /// Settings; null removes them.
    #[serde(deserialize_with = "nullable")]
    pub preferences: Option<Option<serde_json::Value>>,
    /// A new password; null removes it.
    #[serde(deserialize_with = "nullable")]
    pub password: Option<Option<Password>>,
}

impl Registration {
    /// The columns, apart from the password.
    fn row(&self) -> NewUser {
        NewUser {
            email: self.email.clone(),
            name: self.name.clone(),
            preferences: self.preferences.clone(),
            ..NewUser::default()
        }
    }
}

impl Input for Registration {
    fn table() -> &'static TableModel {
        User::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.row().assignments();
        problems.add_new(prepare_insert(User::table(), &mut assignments, now))?;
        check_password(problems, self.password.as_ref());
        Ok(())
    }
}

impl UserChange {
    /// The columns that change, apart from the password.
    fn assignments(&self) -> Vec<Assignment> {
        let mut out = Vec::new();
        out.extend(self.email.clone().map(|v| User::EMAIL.set(v)));
        out.extend(self.name.clone().map(|v| User::NAME.set(v)));
        out.extend(self.preferences.clone().map(|v| User::PREFERENCES.set(v)));
        out
    }
}

impl Input for UserChange {
    fn table() -> &'static TableModel {
        User::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        problems.add_new(prepare(User::table(), &mut self.assignments(), now))?;
        check_password(problems, self.password.as_ref().and_then(Option::as_ref));
        Ok(())
    }
}

fn check_password(problems: &mut FieldErrors, password: Option<&Password>) {
    if let Some(Password(secret)) = password {
        password::check(problems, "password", secret);
    }
}

/// A password from a request.
pub struct Password(Secret);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl App {
    /// Creates a person.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all problems at once; `DUPLICATE_ENTRY` on `email`.
    pub async fn create_user(&self, registration: Registration) -> Result<User> {
        // Before the hash, which costs a quarter of a second of a core.
        registration.checked(self.db.clock().now())?;
        let mut user = registration.row();
        if let Some(Password(secret)) = registration.password {
            user.password_hash = Some(self.hasher.hash(secret).await?);
        }
        self.db.repository::<User>().create(user).await
    }

    /// Changes a person.
    ///
    /// # Errors
    /// `NOT_FOUND`; otherwise as [`create_user`](Self::create_user).
    pub async fn update_user(&self, id: Uuid, change: UserChange) -> Result<User> {
        change.checked(self.db.clock().now())?;
        let mut assignments = change.assignments();
        match change.password {
            None => {}
            Some(None) => assignments.push(User::PASSWORD_HASH.set(None)),
            Some(Some(Password(secret))) => {
                let hash = self.hasher.hash(secret).await?;
                assignments.push(User::PASSWORD_HASH.set(hash));
            }
        }
        self.db.repository::<User>().update(id, assignments).await
    }
}
