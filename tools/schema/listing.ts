import type { Sql } from '../../src/ledger/index.ts'

/** The schema as it is to be, written by tools/schema.ts. */
export const SCHEMA_FILE = 'docs/schema.txt'

/**
 * What a database holds, read from its catalog in one fixed order: tables with
 * their columns, constraints, indexes, triggers and grants, sequences, functions
 * with a digest of their source, and what is granted by default. Two databases
 * are alike where their listings are the same text, whatever led to them.
 */
export async function schemaListing(sql: Sql): Promise<string> {
  const parts = [await tables(sql), await sequences(sql), await functions(sql), await defaults(sql)]
  return `${parts.flat().join('\n')}\n`
}

type Part = { object: string; part: string | null }

/** The parts of each table by its name, in the order the query gives them. */
function byObject(rows: readonly Part[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { object, part } of rows) if (part !== null) found.set(object, [...(found.get(object) ?? []), part])
  return found
}

async function tables(sql: Sql): Promise<string[]> {
  const heads = await sql<Part[]>`
    select c.relname as object,
      case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'f' then 'foreign table ' else 'table ' end
        || c.relname || coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '')
        || case when c.relrowsecurity then ' with row security' else '' end
        || case when c.relkind in ('v', 'm') then ' source ' || md5(pg_get_viewdef(c.oid)) else '' end as part
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`
  const columns = byObject(
    // Their order counts: rows are read and written by position.
    await sql<Part[]>`
      select c.relname as object, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || coalesce(' collate ' || nullif(l.collname, 'default'), '')
        || case when a.attnotnull then ' not null' else '' end
        || case a.attidentity when '' then '' else ' identity' end
        || coalesce(case when a.attgenerated = '' then ' default ' else ' generated ' end || pg_get_expr(d.adbin, d.adrelid), '')
        as part
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      left join pg_collation l on l.oid = a.attcollation
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by 1, a.attnum`,
  )
  const constraints = byObject(
    // Whether a column may be null is said with it.
    await sql<Part[]>`
      select c.relname as object, 'constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
        || case when k.convalidated then '' else ' not valid' end as part
      from pg_constraint k join pg_class c on c.oid = k.conrelid
      where c.relnamespace = 'public'::regnamespace and k.contype <> 'n'
      order by 1, k.conname`,
  )
  const indexes = byObject(
    await sql<Part[]>`
      select c.relname as object, regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\\S+) ON \\S+ USING ',
        case when i.indisunique then 'unique index \\2 ' else 'index \\2 ' end) || case when i.indisvalid then '' else ' invalid' end as part
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
      where c.relnamespace = 'public'::regnamespace
        and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
      order by 1, x.relname`,
  )
  const triggers = byObject(
    await sql<Part[]>`
      select c.relname as object, 'trigger ' || t.tgname || ' '
        || regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER \\S+ | ON \\S+', '', 'g')
        || case t.tgenabled when 'O' then '' else ' disabled' end as part
      from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
      order by 1, t.tgname`,
  )
  const grants = byObject(
    await sql<Part[]>`
      select c.relname as object, 'grant ' || string_agg(lower(g.privilege_type), ', ' order by g.privilege_type)
        || coalesce(' (' || a.attname || ')', '') || ' to ' || ${grantee(sql)} as part
      from pg_class c
      cross join lateral (
        select 0 as attnum, c.relacl as acl
        union all
        select attnum, attacl from pg_attribute where attrelid = c.oid and attacl is not null) k
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum and k.attnum > 0
      cross join lateral aclexplode(k.acl) g
      left join pg_roles r on r.oid = g.grantee
      where c.relnamespace = 'public'::regnamespace and g.grantee <> c.relowner
      group by 1, a.attname, r.rolname, g.grantee
      order by 1, r.rolname, a.attname nulls first`,
  )
  return heads.flatMap(({ object, part }) => [
    part ?? '',
    ...[columns, constraints, indexes, triggers, grants].flatMap((of) =>
      (of.get(object) ?? []).map((line) => `  ${line}`),
    ),
    '',
  ])
}

/** Of an exploded grant `g` and its role `r`: oid 0 is everyone. */
function grantee(sql: Sql) {
  return sql`case g.grantee when 0 then 'public' else r.rolname::text end`
}

async function sequences(sql: Sql): Promise<string[]> {
  const rows = await sql<Part[]>`
    select c.relname as object, concat_ws(' ', 'sequence', c.relname, format_type(s.seqtypid, null), 'increment', s.seqincrement,
      'cache', s.seqcache, case when s.seqcycle then 'cycle' end,
      (select 'owned by ' || d.refobjid::regclass::text || '.' || a.attname
       from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
       where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')),
      (select 'grant ' || string_agg(lower(g.privilege_type) || ' to ' || ${grantee(sql)}, ', ' order by r.rolname, g.privilege_type)
       from aclexplode(c.relacl) g left join pg_roles r on r.oid = g.grantee where g.grantee <> c.relowner)) as part
    from pg_class c join pg_sequence s on s.seqrelid = c.oid
    where c.relnamespace = 'public'::regnamespace order by 1`
  return [...rows.map(({ part }) => part ?? ''), '']
}

async function functions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string; arguments: string; rest: string }[]>`
    select p.proname as name, pg_get_function_arguments(p.oid) as arguments, concat_ws(' ',
      'returns', pg_get_function_result(p.oid), 'language', l.lanname,
      case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
      case when p.prosecdef then 'security definer' end,
      (select 'set ' || string_agg(c, ', ' order by c) from unnest(p.proconfig) c),
      'source', md5(coalesce(p.prosrc, '') || coalesce(pg_get_function_sqlbody(p.oid), '')),
      coalesce((select 'execute ' || string_agg(${grantee(sql)}, ', ' order by r.rolname)
       from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
       left join pg_roles r on r.oid = g.grantee where g.grantee <> p.proowner), 'execute by nobody else')) as rest
    from pg_proc p join pg_language l on l.oid = p.prolang
    where p.pronamespace = 'public'::regnamespace
    order by 1, 2`
  return rows.flatMap((row) => [`function ${row.name}(${row.arguments})`, `  ${row.rest}`, ''])
}

async function defaults(sql: Sql): Promise<string[]> {
  const rows = await sql<{ part: string }[]>`
    select concat_ws(' ', 'default privileges on', case d.defaclobjtype
        when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
      'made by', pg_get_userbyid(d.defaclrole), coalesce((
        select string_agg(lower(g.privilege_type) || ' to ' || ${grantee(sql)}, ', ' order by r.rolname, g.privilege_type)
        from aclexplode(d.defaclacl) g left join pg_roles r on r.oid = g.grantee where g.grantee <> d.defaclrole),
        'to nobody else')) as part
    from pg_default_acl d order by 1`
  return rows.map(({ part }) => part)
}
