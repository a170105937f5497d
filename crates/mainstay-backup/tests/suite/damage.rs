//! Damaged archives, wrong keys and full disks: on every engine, nothing is replaced.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Load, Scene, close, held};
use mainstay::{Entropy, ErrorKind, SeededEntropy};
use mainstay_backup::control::Control;
use mainstay_backup::{Backups, Create, Restore, Which};

/// So many places of an archive are changed, one after the other.
const PLACES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_anywhere_is_found_before_anything_is_replaced() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        let load = Load::start(&scene).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        load.stop().await;
        backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let (path, whole) = archive(&scene.backups_folder());
        let entropy = SeededEntropy::new(7);
        let replace = Restore {
            replace: true,
            ..Restore::default()
        };
        for number in 0..PLACES {
            let mut damaged = whole.clone();
            let place = random(&entropy, whole.len());
            let bit = random(&entropy, 8);
            damaged[place] ^= 1 << bit;
            fs::write(&path, &damaged).expect("written");
            let verified = backups.verify(&Which::Newest, &Control::new()).await;
            let error = verified.expect_err("must be found");
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::BackupDamaged | ErrorKind::BackupRefused
                ),
                "byte {place}: {error}"
            );
            // The reading is the same for all; a restore on a server takes a while.
            if number % 20 == 0 || scene.config.url.path().is_some() {
                let restored = backups.restore(&replace, &Control::new()).await;
                restored.expect_err("must be found");
            }
        }
        assert_eq!(scene.names().len(), 1, "{:?}", scene.names());
        let db = scene.open().await;
        assert!(!held(&db).await.is_empty());
        close(db).await;

        // And the whole one is still good.
        fs::write(&path, &whole).expect("written");
        let verified = backups.verify(&Which::Newest, &Control::new()).await;
        verified.expect("whole again");
        cut_off(&backups, &path, &whole).await;
    }
}

/// An archive that was cut off is of no use, and is listed as what it is.
async fn cut_off(backups: &Backups, path: &Path, whole: &[u8]) {
    for length in [0, 1, 63, 64, whole.len() / 2, whole.len() - 1] {
        fs::write(path, &whole[..length]).expect("written");
        let verified = backups.verify(&Which::Newest, &Control::new()).await;
        verified.expect_err("must be found");
        let listed = backups.list().await.expect("listed");
        assert!(listed[0].manifest().is_none(), "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_opens_with_its_key_alone() {
    use mainstay_backup::archive::{Identities, Recipients};
    let (secret, public) = key();
    let (other, _) = key();
    for scene in Scene::all().await {
        let recipients = Recipients::parse(&public).expect("a key");
        let sealed = scene.backups().recipients(recipients);
        let made = sealed
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        assert!(made.is_encrypted);
        let (_, bytes) = archive(&scene.backups_folder());
        let clear = [&b"accounts"[..], b"entries"];
        for word in clear {
            let found = bytes.windows(word.len()).any(|part| part == word);
            assert!(!found, "{} stands in it", String::from_utf8_lossy(word));
        }

        let without = sealed.restore(&replace(), &Control::new()).await;
        let error = without.expect_err("there is no key");
        assert!(error.hint().is_some(), "{error}");
        let wrong = sealed
            .clone()
            .identities(Identities::parse(&other).expect("a key"));
        wrong
            .restore(&replace(), &Control::new())
            .await
            .expect_err("the wrong key");
        assert_eq!(scene.names().len(), 1, "{:?}", scene.names());

        // What it is can be seen without.
        let listed = sealed.list().await.expect("listed");
        let manifest = listed[0].manifest().expect("readable");
        assert!(manifest.is_encrypted && manifest.tables.is_empty());

        let right = sealed
            .clone()
            .identities(Identities::parse(&secret).expect("a key"));
        let restored = right
            .restore(&replace(), &Control::new())
            .await
            .expect("restored");
        scene.remove_kept(&restored.kept.expect("it was kept"));
    }
}

fn replace() -> Restore {
    Restore {
        replace: true,
        ..Restore::default()
    }
}

/// A secret key, and the public one that goes with it.
pub(crate) fn key() -> (String, String) {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public().to_string();
    (identity.to_string().expose_secret().to_owned(), public)
}

/// The only archive of a folder.
fn archive(folder: &Path) -> (PathBuf, Vec<u8>) {
    let folder = folder.join("app");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "backup"))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let path = found.remove(0);
    let bytes = fs::read(&path).expect("readable");
    (path, bytes)
}

fn random(entropy: &SeededEntropy, limit: usize) -> usize {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % limit as u64).expect("below the limit")
}
