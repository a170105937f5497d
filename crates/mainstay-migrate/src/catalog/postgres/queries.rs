//! The SQL by which PostgreSQL is asked. Every query has the objects of the current schema only.

/// The objects of the current schema that belong to no extension. `class` is the catalogue table
/// that has them, under the name `o`; `space` is its column of the schema.
fn own(class: &str, space: &str) -> String {
    format!(
        "o.{space} = (SELECT oid FROM pg_catalog.pg_namespace \
         WHERE nspname = pg_catalog.current_schema()) \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e \
         WHERE e.classid = 'pg_catalog.{class}'::pg_catalog.regclass \
         AND e.objid = o.oid AND e.deptype = 'e')"
    )
}

/// Relations of some kinds, without the tables of Mainstay itself.
fn relations(kinds: &str) -> String {
    format!(
        "{} AND o.relkind IN ({kinds}) AND o.relname NOT LIKE '\\_mainstay\\_%'",
        own("pg_class", "relnamespace")
    )
}

const TABLES: &str = "'r', 'p'";

/// name, persistence, partition key, bound, parents, options, row security, forced, comment.
pub(super) fn tables() -> String {
    format!(
        "SELECT o.relname, o.relpersistence::text, \
         CASE WHEN o.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(o.oid) END, \
         CASE WHEN o.relispartition THEN pg_catalog.pg_get_expr(o.relpartbound, o.oid) END, \
         (SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno) \
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = o.oid), \
         pg_catalog.array_to_string(o.reloptions, ', '), o.relrowsecurity, o.relforcerowsecurity, \
         pg_catalog.obj_description(o.oid, 'pg_class') \
         FROM pg_catalog.pg_class o WHERE {} ORDER BY o.relname",
        relations(TABLES)
    )
}

/// table, name, type, collation, not null, default, identity, computed, comment.
pub(super) fn columns() -> String {
    format!(
        "SELECT o.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
         (SELECT CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END \
            || pg_catalog.quote_ident(l.collname) \
            FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace \
            WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation), \
         a.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid, true), \
         a.attidentity::text, a.attgenerated::text, \
         pg_catalog.col_description(o.oid, a.attnum) \
         FROM pg_catalog.pg_class o \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid \
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND {} ORDER BY o.relname, a.attnum",
        relations(TABLES)
    )
}

/// table, name, definition. The keys that a partition has from its parent come with it.
pub(super) fn constraints() -> String {
    format!(
        "SELECT o.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid, true) \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_constraint k ON k.conrelid = o.oid \
         WHERE k.contype IN ('p', 'u', 'c', 'f') AND NOT (k.contype = 'f' AND k.conparentid <> 0) \
         AND {} ORDER BY o.relname, k.conname",
        relations(TABLES)
    )
}

/// table, name, definition, valid; of indexes that belong to no constraint.
pub(super) fn indexes() -> String {
    format!(
        "{} AND {} ORDER BY o.relname, i.relname",
        INDEXES,
        relations(TABLES)
    )
}

/// The same of views that keep their rows.
pub(super) fn view_indexes() -> String {
    format!(
        "{} AND {} ORDER BY o.relname, i.relname",
        INDEXES,
        relations("'m'")
    )
}

const INDEXES: &str = "SELECT o.relname, i.relname, pg_catalog.pg_get_indexdef(x.indexrelid, 0, true), \
    x.indisvalid FROM pg_catalog.pg_class o \
    JOIN pg_catalog.pg_index x ON x.indrelid = o.oid \
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k \
    WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))";

/// table, whether it is a view, name, definition.
pub(super) fn triggers() -> String {
    format!(
        "SELECT o.relname, o.relkind = 'v', t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true) \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_trigger t ON t.tgrelid = o.oid \
         WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {} ORDER BY o.relname, t.tgname",
        relations("'r', 'p', 'v'")
    )
}

/// name, whether it keeps its rows, definition, options.
pub(super) fn views() -> String {
    format!(
        "SELECT o.relname, o.relkind = 'm', pg_catalog.pg_get_viewdef(o.oid, true), \
         pg_catalog.array_to_string(o.reloptions, ', ') \
         FROM pg_catalog.pg_class o WHERE {} ORDER BY o.relname",
        relations("'v', 'm'")
    )
}

/// name, kind, labels, base type, not null, default, collation, checks, attributes, subtype.
pub(super) fn types() -> String {
    format!(
        "SELECT o.typname, o.typtype::text, \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) \
            FROM pg_catalog.pg_enum l WHERE l.enumtypid = o.oid), \
         pg_catalog.format_type(o.typbasetype, o.typtypmod), o.typnotnull, o.typdefault, \
         (SELECT pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation l \
            JOIN pg_catalog.pg_type b ON b.oid = o.typbasetype \
            WHERE l.oid = o.typcollation AND o.typcollation <> b.typcollation), \
         (SELECT pg_catalog.string_agg('CONSTRAINT ' || pg_catalog.quote_ident(k.conname) || ' ' \
            || pg_catalog.pg_get_constraintdef(k.oid, true), ' ' ORDER BY k.conname) \
            FROM pg_catalog.pg_constraint k WHERE k.contypid = o.oid AND k.contype = 'c'), \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' ' \
            || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) \
            FROM pg_catalog.pg_attribute a \
            WHERE a.attrelid = o.typrelid AND a.attnum > 0 AND NOT a.attisdropped), \
         (SELECT pg_catalog.format_type(r.rngsubtype, NULL) FROM pg_catalog.pg_range r \
            WHERE r.rngtypid = o.oid) \
         FROM pg_catalog.pg_type o LEFT JOIN pg_catalog.pg_class c ON c.oid = o.typrelid \
         WHERE (o.typtype IN ('e', 'd', 'r') OR o.typtype = 'c' AND c.relkind = 'c') \
         AND {} ORDER BY o.typname",
        own("pg_type", "typnamespace")
    )
}

/// name, type, start, increment, least, greatest, cache, cycle, owner. Those of identity columns
/// come with their columns.
pub(super) fn sequences() -> String {
    format!(
        "SELECT o.relname, pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, \
         s.seqmin, s.seqmax, s.seqcache, s.seqcycle, \
         (SELECT d.refobjid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname) \
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a \
            ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = o.oid \
            AND d.deptype = 'a' AND d.refobjsubid > 0) \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.oid \
         WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
            AND d.objid = o.oid AND d.deptype = 'i') \
         AND {} ORDER BY o.relname",
        relations("'S'")
    )
}

/// kind, name, parameters, definition, how the definition begins; and of an aggregate: step, state,
/// end, first state.
pub(super) fn functions() -> String {
    format!(
        "SELECT o.prokind::text, o.proname, pg_catalog.pg_get_function_identity_arguments(o.oid), \
         CASE WHEN o.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(o.oid) END, \
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(o.proname) || '(', \
         g.aggtransfn::pg_catalog.regproc::text, pg_catalog.format_type(g.aggtranstype, NULL), \
         CASE WHEN g.aggfinalfn <> 0 THEN g.aggfinalfn::pg_catalog.regproc::text END, g.agginitval \
         FROM pg_catalog.pg_proc o JOIN pg_catalog.pg_namespace n ON n.oid = o.pronamespace \
         LEFT JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = o.oid \
         WHERE {} ORDER BY o.proname, 3",
        own("pg_proc", "pronamespace")
    )
}

/// kind, name, definition: what is told by a definition alone.
pub(super) fn plain() -> String {
    let tables = relations("'r', 'p', 'v'");
    format!(
        "SELECT 'EXTENSION', o.extname::text, \
         'CREATE EXTENSION IF NOT EXISTS ' || pg_catalog.quote_ident(o.extname) \
         FROM pg_catalog.pg_extension o JOIN pg_catalog.pg_namespace n ON n.oid = o.extnamespace \
         WHERE n.nspname = pg_catalog.current_schema() \
         UNION ALL SELECT 'CONSTRAINT', o.relname || '.' || k.conname, \
         'ALTER TABLE ' || pg_catalog.quote_ident(o.relname) || ' ADD CONSTRAINT ' \
            || pg_catalog.quote_ident(k.conname) || ' ' || pg_catalog.pg_get_constraintdef(k.oid, true) \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_constraint k ON k.conrelid = o.oid \
         WHERE k.contype = 'x' AND {tables} \
         UNION ALL SELECT 'RULE', r.rulename || ' ON ' || o.relname, \
         pg_catalog.pg_get_ruledef(r.oid, true) \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_rewrite r ON r.ev_class = o.oid \
         WHERE r.rulename <> '_RETURN' AND {tables} \
         UNION ALL SELECT 'POLICY', p.polname || ' ON ' || o.relname, \
         'CREATE POLICY ' || pg_catalog.quote_ident(p.polname) || ' ON ' \
            || pg_catalog.quote_ident(o.relname) \
            || CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END \
            || CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' \
               WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END \
            || ' TO ' || CASE WHEN p.polroles = '{{0}}' THEN 'PUBLIC' ELSE \
               (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' ORDER BY r.rolname) \
                FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)) END \
            || coalesce(' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid, true) || ')', '') \
            || coalesce(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid, true) \
               || ')', '') \
         FROM pg_catalog.pg_class o JOIN pg_catalog.pg_policy p ON p.polrelid = o.oid \
         WHERE {tables} ORDER BY 1, 2"
    )
}
