-- The five roles of a database, of which grants.sql then says what each may: psql -1 -f sql/roles.sql -f sql/grants.sql
--
-- By a superuser, or by the database's owner if it may create roles; run again it changes nothing. Their names begin
-- with `botcore_`, or with `shop_` after SET botcore.prefix = 'shop'. Roles are the whole server's: databases that keep
-- apart have prefixes of their own. Shows the names at the end. See docs/operations.md.
DO $roles$
DECLARE
    admin CONSTANT name := current_user;
    is_superuser CONSTANT boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = admin);
    found_owner CONSTANT name := (
        SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('public.alembic_version')
    );
    found_prefix CONSTANT text := (
        SELECT left(found_owner, -6)
        WHERE found_owner LIKE '%\_owner'
          AND EXISTS (SELECT FROM pg_roles WHERE rolname = left(found_owner, -6) || '_app')
    );
    prefix CONSTANT text := COALESCE(NULLIF(current_setting('botcore.prefix', TRUE), ''), found_prefix, 'botcore');
    owner CONSTANT text := prefix || '_owner';
    migrator CONSTANT text := prefix || '_migrator';
    app CONSTANT text := prefix || '_app';
    eraser CONSTANT text := prefix || '_eraser';
    reader CONSTANT text := prefix || '_reader';
    each record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('botcore.roles', 0));
    IF prefix !~ '^[a-z][a-z0-9_]{0,39}$' THEN
        RAISE EXCEPTION 'a prefix is 1 to 40 of a-z, 0-9 and _, and begins with a letter'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF prefix <> found_prefix THEN
        RAISE EXCEPTION 'this database has the roles of the prefix % already', found_prefix
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        RAISE EXCEPTION '% does not own the database: connect as its owner, %, or as a superuser',
            admin, (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database())
            USING ERRCODE = 'insufficient_privilege';
    ELSIF (
        SELECT count(*) FROM pg_roles WHERE rolname IN (owner, migrator, app, eraser, reader)
    ) < 5 AND NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = admin) THEN
        RAISE EXCEPTION '% may not create roles: connect as a superuser, or as a role with CREATEROLE', admin
            USING ERRCODE = 'insufficient_privilege';
    END IF;

    -- 1. who there is: passwords are not set here, so that none is in a file, a command or a log
    FOR each IN
        SELECT r.name, CASE r.name WHEN owner THEN 'NOLOGIN' ELSE 'LOGIN' END AS login
        FROM unnest(ARRAY[owner, migrator, app, eraser, reader]) AS r (name)
        WHERE r.name NOT IN (SELECT rolname FROM pg_roles)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', each.name, each.login);
        EXCEPTION
            -- another database of this server had them made at this moment
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    SELECT rolname AS name INTO each FROM pg_roles
    WHERE rolname IN (owner, migrator, app, eraser, reader)
      AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls);
    IF FOUND THEN
        RAISE EXCEPTION 'the role % is there and may do more than any role of botcore: choose another prefix', each.name
            USING ERRCODE = 'duplicate_object';
    END IF;
    SELECT rolname AS name INTO each FROM pg_roles
    WHERE rolname IN (app, eraser, reader) AND pg_has_role(rolname, owner::name, 'MEMBER');
    IF FOUND THEN
        RAISE EXCEPTION 'the role % is a member of %, so it could drop every table: revoke that', each.name, owner
            USING ERRCODE = 'invalid_grant_operation';
    END IF;

    -- 2. who acts for the owner: the migrator; and whoever made the tables so far and whoever runs this, so that nothing
    -- that runs now stops
    FOR each IN
        SELECT rolname AS name FROM pg_roles
        WHERE rolname IN (migrator, found_owner, admin)
          AND rolname NOT IN (app, eraser, reader)
          -- not MEMBER: from 16 on who creates a role is one at once, of a kind that may do nothing
          AND NOT pg_has_role(rolname, owner::name, 'USAGE')
    LOOP
        EXECUTE format('GRANT %I TO %I', owner, each.name);
    END LOOP;

    -- 3. what holds for each of their sessions, where a pooler keeps it; ALTER ROLE ... IN DATABASE goes before it.
    -- public comes first because tables are made in the first, pg_temp last so that it hides nothing
    FOR each IN
        SELECT s.role, s.setting, s.value
        FROM (
            VALUES
            -- what it makes is the owner's
            (migrator, 'role', owner),
            (migrator, 'search_path', 'public, pg_temp'),
            -- deleting a chat of a million messages is one statement; a group's move may hold it for half a minute
            (app, 'statement_timeout', '60s'),
            (app, 'lock_timeout', '30s'),
            (app, 'idle_in_transaction_session_timeout', '60s'),
            (app, 'search_path', 'public, pg_temp'),
            -- batches of a second; that of the ledger reads all people and chats
            (eraser, 'statement_timeout', '5min'),
            (eraser, 'lock_timeout', '30s'),
            (eraser, 'idle_in_transaction_session_timeout', '60s'),
            (eraser, 'search_path', 'public, pg_temp'),
            -- a person at psql, a dashboard: neither keeps vacuum from its work
            (reader, 'statement_timeout', '60s'),
            (reader, 'lock_timeout', '5s'),
            (reader, 'idle_in_transaction_session_timeout', '5min'),
            (reader, 'search_path', 'public, pg_temp')
        ) AS s (role, setting, value)
        WHERE NOT EXISTS (
            SELECT FROM pg_db_role_setting AS d
            WHERE d.setrole = s.role::regrole AND d.setdatabase = 0 AND s.setting || '=' || s.value = ANY(d.setconfig)
        )
    LOOP
        -- a list of names would be one name in quotes
        EXECUTE format(
            'ALTER ROLE %I SET %s = %s', each.role, each.setting,
            CASE each.setting WHEN 'search_path' THEN each.value ELSE quote_literal(each.value) END
        );
    END LOOP;

    -- 4. who comes in, and who makes what
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), owner);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', current_database(), app, eraser, reader);
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', owner);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I, %I, %I', app, eraser, reader);

    -- 5. what was made by another role becomes the owner's; readers do not stand behind this for long
    PERFORM set_config('lock_timeout', '2s', TRUE);
    FOR each IN
        SELECT
            CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                ELSE 'TABLE' END AS kind,
            o.oid::regclass::text AS name, o.oid, 'pg_class'::regclass AS catalog
        FROM pg_class AS o
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'm')
          AND pg_get_userbyid(relowner) = found_owner
        UNION ALL
        SELECT 'ROUTINE', o.oid::regprocedure::text, o.oid, 'pg_proc'::regclass
        FROM pg_proc AS o
        WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = found_owner
        UNION ALL
        SELECT 'STATISTICS', 'public.' || quote_ident(stxname), o.oid, 'pg_statistic_ext'::regclass
        FROM pg_statistic_ext AS o
        WHERE stxnamespace = 'public'::regnamespace AND pg_get_userbyid(stxowner) = found_owner
    LOOP
        CONTINUE WHEN found_owner = owner OR EXISTS (
            -- an extension's, or a column's own sequence, which goes with its table
            SELECT FROM pg_depend AS d
            WHERE d.classid = each.catalog AND d.objid = each.oid
              AND (d.deptype = 'e' OR (each.kind = 'SEQUENCE' AND d.deptype IN ('a', 'i')))
        );
        EXECUTE format('ALTER %s %s OWNER TO %I', each.kind, each.name, owner);
    END LOOP;
    PERFORM set_config('botcore.prefix', prefix, TRUE);
END
$roles$;

SELECT current_setting('botcore.prefix') || '_' || name AS role
FROM unnest(ARRAY['owner', 'migrator', 'app', 'eraser', 'reader']) WITH ORDINALITY AS r (name, place)
ORDER BY place;
