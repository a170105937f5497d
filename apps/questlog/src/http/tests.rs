//! What stands around the routes, without a database.

use axum::body::to_bytes;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use tower::ServiceExt as _;

use super::*;

async fn call(router: Router, path: &str) -> Response {
    let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
    router.oneshot(request).await.unwrap()
}

async fn problem(response: Response) -> serde_json::Value {
    let kind = response.headers()[header::CONTENT_TYPE].clone();
    assert_eq!(kind, "application/problem+json");
    let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    async fn broken() -> StatusCode {
        panic!("a secret of the implementation");
    }
    let router = enclose(
        Router::new().route("/", get(broken)),
        Duration::from_secs(1),
    );
    let response = call(router, "/").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem = problem(response).await;
    assert_eq!(problem["code"], "UNEXPECTED_ERROR");
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    async fn endless() -> StatusCode {
        std::future::pending::<()>().await;
        StatusCode::OK
    }
    let router = enclose(
        Router::new().route("/", get(endless)),
        Duration::from_secs(5),
    );
    let response = call(router, "/").await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(problem(response).await["code"], "DEADLINE_EXCEEDED");
}
