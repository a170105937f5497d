//! Rows the cases start from, made through the API.

use serde_json::{Value, json};

use super::Service;

/// The text under a name.
#[track_caller]
pub fn text(row: &Value, name: &str) -> String {
    let value = row[name].as_str();
    value
        .unwrap_or_else(|| panic!("{name} in {row}"))
        .to_owned()
}

impl Service {
    pub async fn user(&self, email: &str) -> Value {
        let body = json!({ "email": email, "name": "Ann" });
        self.post("/users", body).await.ok(201)
    }

    pub async fn module(&self, id: &str) -> Value {
        let body = json!({ "id": id, "name": "A module", "version": "1.0.0" });
        self.post("/modules", body).await.ok(201)
    }

    pub async fn goal(&self, user: &Value, module: &str, title: &str) -> Value {
        let body = json!({
            "title": title,
            "difficulty": "medium",
            "priority": "high",
            "userId": user["id"],
            "moduleId": module,
        });
        self.post("/goals", body).await.ok(201)
    }

    /// A user with a module and a goal.
    pub async fn user_with_goal(&self, email: &str) -> (Value, Value) {
        let user = self.user(email).await;
        if self.get("/modules/fitness").await.status.as_u16() == 404 {
            self.module("fitness").await;
        }
        let goal = self.goal(&user, "fitness", "Run 5K daily").await;
        (user, goal)
    }

    pub async fn step(&self, goal: &Value, body: Value) -> Value {
        let path = format!("/goals/{}/progress", text(goal, "id"));
        self.post(&path, body).await.ok(201)
    }

    /// A row again.
    pub async fn again(&self, table: &str, row: &Value) -> Value {
        self.get(&format!("/{table}/{}", text(row, "id")))
            .await
            .ok(200)
    }

    /// All items of a list, page by page.
    pub async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let after = cursor
                .map(|cursor| format!("&cursor={cursor}"))
                .unwrap_or_default();
            let page = self
                .get(&format!("{path}{sign}limit={limit}{after}"))
                .await
                .ok(200);
            let rows = page["items"].as_array().unwrap();
            assert!(rows.len() <= limit);
            items.extend(rows.iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }
}
