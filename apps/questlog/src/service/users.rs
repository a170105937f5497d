//! Creating and changing people.

use std::fmt;

use mainstay::config::Secret;
use mainstay::schema::{Assignment, Insert as _};
use mainstay::validate::{prepare, prepare_insert};
use mainstay::{Entity as _, ErrorKind, FieldErrors, Result};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::App;
use crate::entities::User;
use crate::entities::user::NewUser;
use crate::input::{given, nullable};
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
        let Registration {
            email,
            name,
            preferences,
            password,
        } = registration;
        let mut user = NewUser {
            email,
            name,
            preferences,
            ..NewUser::default()
        };
        let mut checked = user.clone().assignments();
        let now = self.db.clock().now();
        // Before the hash, which costs a quarter of a second of a core.
        self.check(
            prepare_insert(User::table(), &mut checked, now),
            password.as_ref(),
        )?;
        if let Some(Password(secret)) = password {
            user.password_hash = Some(self.hasher.hash(secret).await?);
        }
        self.db.repository::<User>().create(user).await
    }

    /// Changes a person.
    ///
    /// # Errors
    /// `NOT_FOUND`; otherwise as [`create_user`](Self::create_user).
    pub async fn update_user(&self, id: Uuid, change: UserChange) -> Result<User> {
        let UserChange {
            email,
            name,
            preferences,
            password,
        } = change;
        let mut assignments: Vec<Assignment> = Vec::new();
        assignments.extend(email.map(|email| User::EMAIL.set(email)));
        assignments.extend(name.map(|name| User::NAME.set(name)));
        assignments.extend(preferences.map(|value| User::PREFERENCES.set(value)));
        let now = self.db.clock().now();
        let new_password = password.as_ref().and_then(Option::as_ref);
        self.check(
            prepare(User::table(), &mut assignments.clone(), now),
            new_password,
        )?;
        match password {
            None => {}
            Some(None) => assignments.push(User::PASSWORD_HASH.set(None)),
            Some(Some(Password(secret))) => {
                let hash = self.hasher.hash(secret).await?;
                assignments.push(User::PASSWORD_HASH.set(hash));
            }
        }
        self.db.repository::<User>().update(id, assignments).await
    }

    /// The problems of the columns and of the password, as one error.
    fn check(&self, columns: Result<()>, password: Option<&Password>) -> Result<()> {
        let mut fields = FieldErrors::new();
        if let Err(error) = columns {
            if error.kind() != ErrorKind::Validation {
                return Err(error);
            }
            fields.extend(error.fields().clone());
        }
        if let Some(Password(secret)) = password {
            password::check(&mut fields, "password", secret);
        }
        fields.into_result()
    }
}
