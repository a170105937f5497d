//! What is found in a dump, wherever its pieces are cut.

use proptest::prelude::*;

use super::*;

const DUMP: &str = r#"--
-- PostgreSQL database dump
--

\restrict abc;def'

SET standard_conforming_strings = on;

CREATE FUNCTION public.f() RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
  -- COPY public.fake (a) FROM stdin;
  PERFORM 'it''s $$ ;';
COPY public.fake (a) FROM stdin;
  EXECUTE $$ COPY public.fake (a) FROM stdin; $$ || $1;
END;
$_$;

/* a /* nested ' */ comment; */
COMMENT ON TABLE public.users IS 'a ; quote '' and "
COPY public.fake (a) FROM stdin;
';

CREATE TABLE public.users (id integer, name text DEFAULT E'\\'';' NOT NULL, price$ integer);

CREATE RULE r AS ON INSERT TO public.users DO ( DELETE FROM public.other; SELECT $1::text; );

--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.users (id, name, "Odd ; name") FROM stdin;
1	Ada	\N
2	back\\slash and\ttab	'
3	;	--
\.


COPY other."Big; table" (a) FROM stdin;
\.


COPY public.nothing  FROM stdin;


\.


SELECT pg_catalog.setval('public.users_id_seq', 3, true);
SELECT pg_catalog.setval('public.other_id_seq', 1, false);

BEGIN;

SELECT pg_catalog.lo_open('16405', 131072);
SELECT pg_catalog.lowrite(0, '\x31323334');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- PostgreSQL database dump complete
--

\unrestrict abc

"#;

fn read(dump: &str, cuts: &[usize]) -> Result<Vec<Table>> {
    let mut reader = Dump::default();
    let mut bytes = dump.as_bytes();
    for &cut in cuts {
        let (piece, rest) = bytes.split_at(cut.min(bytes.len()));
        reader.feed(piece)?;
        bytes = rest;
    }
    reader.feed(bytes)?;
    reader.finish()
}

fn rows(name: &str, rows: &[&str]) -> Table {
    let mut content = Content::default();
    for row in rows {
        content.add(row.as_bytes());
    }
    content.table(name)
}

#[test]
fn tables_sequences_and_large_objects_are_found_and_nothing_else() {
    let found = read(DUMP, &[]).unwrap();
    let mut object = Pieces::default();
    for text in [
        "SELECT pg_catalog.lo_open('16405', 131072)",
        "SELECT pg_catalog.lowrite(0, '\\x31323334')",
        "SELECT pg_catalog.lo_close(0)",
    ] {
        object.update(text.as_bytes());
    }
    let mut objects = Content::default();
    objects.add_pieces(&mut object);
    let expected = [
        objects.table(LARGE_OBJECTS),
        rows(
            SEQUENCES,
            &[
                "SELECT pg_catalog.setval('public.other_id_seq', 1, false)",
                "SELECT pg_catalog.setval('public.users_id_seq', 3, true)",
            ],
        ),
        rows("nothing", &["", ""]),
        rows("other.Big; table", &[]),
        rows(
            "users",
            &["1\tAda\t\\N", "2\tback\\\\slash and\\ttab\t'", "3\t;\t--"],
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_single_cut_and_every_byte_alone_give_the_same() {
    let whole = read(DUMP, &[]).unwrap();
    for cut in 0..DUMP.len() {
        assert_eq!(read(DUMP, &[cut]).unwrap(), whole, "cut at {cut}");
    }
    assert_eq!(read(DUMP, &vec![1; DUMP.len()]).unwrap(), whole);
}

#[test]
fn a_dump_that_stops_early_is_no_dump() {
    let end = DUMP.find("-- PostgreSQL database dump complete").unwrap();
    for cut in [0, 10, end / 2, DUMP.find("2\tback").unwrap(), end] {
        let error = read(&DUMP[..cut], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{cut}");
    }
    let within = read(&DUMP[..DUMP.find("2\tback").unwrap()], &[]).unwrap_err();
    assert!(within.detail().contains("the rows of users"), "{within:?}");
}

#[test]
fn a_row_longer_than_any_buffer_is_hashed_as_a_whole() {
    let long = "x".repeat(1 << 20);
    let dump = format!(
        "COPY public.t (a) FROM stdin;\n{long}\nshort\n\\.\n-- PostgreSQL database dump complete\n"
    );
    let expected = [rows("t", &[&long, "short"])];
    for size in [1 << 21, 70_000, 65_536, 4096] {
        assert_eq!(
            read(&dump, &vec![size; dump.len() / size + 1]).unwrap(),
            expected
        );
    }
}

/// Pieces of dumps, put together at random.
fn dumps() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        Just("CREATE TABLE public.a (b text DEFAULT 'x;''y');\n".to_owned()),
        Just("-- a comment; with ' and $$\n".to_owned()),
        Just("CREATE FUNCTION f() AS $x$ ; ' $ $$ $y$ \n\\.\n $x$;\n".to_owned()),
        Just("SELECT pg_catalog.setval('public.s', 7, true);\n".to_owned()),
        Just("SELECT E'\\';' || \"a;\"\"b\" || U&'\\0041';\n".to_owned()),
        Just("/* ; /* ' */ $$ */\n\\connect x\n".to_owned()),
    ];
    let row = "[a-z;'$\"\t-]{0,12}";
    let table = (prop::collection::vec(row, 0..5)).prop_map(|rows| {
        let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
        format!(" (a) FROM stdin;\n{rows}\\.\n\n")
    });
    prop::collection::vec(prop_oneof![statement, table], 0..12).prop_map(|parts| {
        let mut out = String::new();
        for (number, part) in parts.iter().enumerate() {
            if part.starts_with(" (a)") {
                out.push_str(&format!("COPY public.t{number}"));
            }
            out.push_str(part);
        }
        out + "--\n-- PostgreSQL database dump complete\n--\n"
    })
}

proptest! {
    #[test]
    fn any_cuts_give_the_same(dump in dumps(), cuts in prop::collection::vec(0..40_usize, 0..60)) {
        let whole = read(&dump, &[]).unwrap();
        prop_assert_eq!(read(&dump, &cuts).unwrap(), whole.clone());
        let tables = dump.matches("COPY public.t").count();
        let sequences = usize::from(dump.contains("setval"));
        prop_assert_eq!(whole.len(), tables + sequences);
    }
}
