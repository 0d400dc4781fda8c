//! That what programs hand from thread to thread can be handed on: the compiler infers it from
//! private fields, so nothing else would notice a change.

use passsafe_client::{BaseUrl, Client, Endpoint, Error, Secret, SecretText, blocking};

fn is_shared_between_threads<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn clients_addresses_errors_and_secrets_are_shared_between_threads() {
    is_shared_between_threads::<BaseUrl>();
    is_shared_between_threads::<Client>();
    is_shared_between_threads::<Endpoint>();
    is_shared_between_threads::<Error>();
    is_shared_between_threads::<Secret>();
    is_shared_between_threads::<SecretText>();
    is_shared_between_threads::<blocking::Client>();
    is_shared_between_threads::<blocking::Endpoint>();
}

#[test]
fn the_futures_of_an_async_client_are_handed_between_threads() {
    fn is_sent<F: Future + Send>(_: impl FnOnce(Client) -> F) {}
    is_sent(|client| async move { client.password().await });
    is_sent(|client| async move { client.secrets(&["a"]).await });
    is_sent(|client| async move { client.status().await });
    is_sent(|client| async move { client.close_safe().await });
}
