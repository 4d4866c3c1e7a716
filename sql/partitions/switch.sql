-- Puts messages_partitioned in the place of messages, which stays as messages_unpartitioned: after compare.sql.
--
-- psql -1 -f sql/partitions/dependents.sql -f sql/partitions/switch.sql; next are validate.sql and, some day,
-- drop_old.sql. For a moment nobody reads or writes, and who comes meanwhile waits and finds the new table. Nothing new
-- is written into the old one, but what is removed for good is removed there as well.
DO $switch$
DECLARE
    commands text[];
    command text;
BEGIN
    PERFORM FROM messages_partitioning WHERE step = 'switch';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'messages is not copied and compared yet' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- all at once: what is not had in time is given back, and tried again
    -- in the order in which who deletes a person or a chat comes to them
    SELECT
        'LOCK TABLE ' || string_agg(DISTINCT t.name::text, ', ')
        || ', messages, messages_partitioned IN ACCESS EXCLUSIVE MODE' INTO command
    FROM pg_constraint AS c
    CROSS JOIN unnest(ARRAY[c.conrelid::regclass, c.confrelid::regclass]) AS t (name)
    WHERE c.contype = 'f' AND 'messages'::regclass IN (c.conrelid, c.confrelid) AND t.name <> 'messages'::regclass;
    EXECUTE command;

    UPDATE messages_partitioning SET step = 'validate', commands = ARRAY(
        SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'messages'::regclass AND convalidated
    );
    -- made before the first runs, for they change what they are made of
    SELECT array_agg(s.command ORDER BY s.place, s.command) INTO commands
    FROM (
        SELECT 1 AS place, 'DROP FUNCTION messages_mirror() CASCADE' AS command
        UNION ALL
        SELECT 1, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint
        WHERE contype = 'f' AND 'messages'::regclass IN (conrelid, confrelid)
        UNION ALL
        -- validate.sql reads them; what is written from now on is looked at
        SELECT 5, format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', conrelid::regclass, conname,
            regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''))
        FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'messages'::regclass
        UNION ALL
        -- names: the indexes', hence their constraints', then the statistics', the sequence's, the table's
        SELECT r.place, format('ALTER INDEX %I RENAME TO %I', r.old, r.new)
        FROM pg_index AS i
        INNER JOIN pg_class AS c ON c.oid = i.indexrelid
        CROSS JOIN LATERAL (
            VALUES (2, c.relname, left(c.relname, 49) || '_unpartitioned'),
                (3, left(c.relname, 51) || '_partitioned', c.relname)
        ) AS r (place, old, new)
        WHERE i.indrelid = 'messages'::regclass AND (i.indisvalid OR r.place = 2)
        UNION ALL
        SELECT r.place, format('ALTER STATISTICS %I RENAME TO %I', r.old, r.new)
        FROM pg_statistic_ext AS x
        CROSS JOIN LATERAL (
            VALUES (2, x.stxname, left(x.stxname, 49) || '_unpartitioned'),
                (3, left(x.stxname, 40) || '_messages_partitioned', x.stxname)
        ) AS r (place, old, new)
        WHERE x.stxrelid = 'messages'::regclass
        UNION ALL
        VALUES (2, 'ALTER SEQUENCE messages_id_seq RENAME TO messages_unpartitioned_id_seq'),
            (2, 'ALTER TABLE messages RENAME TO messages_unpartitioned'),
            (3, 'ALTER SEQUENCE messages_partitioned_id_seq RENAME TO messages_id_seq'),
            (3, 'ALTER TABLE messages_partitioned RENAME TO messages')
        UNION ALL
        -- rights, as they are: also those that grants.sql knows nothing of
        SELECT 4, format('GRANT %s%s ON %s TO %s%s', a.privilege_type, ' (' || quote_ident(o.attname) || ')', o.name,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
            CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM (
            SELECT relacl AS acl, oid::regclass::text AS name, NULL AS attname, relowner FROM pg_class
            WHERE oid IN ('messages'::regclass, 'messages_id_seq'::regclass)
            UNION ALL
            SELECT a.attacl, 'messages', a.attname, c.relowner
            FROM pg_attribute AS a
            INNER JOIN pg_class AS c ON c.oid = a.attrelid
            WHERE a.attrelid = 'messages'::regclass
        ) AS o
        CROSS JOIN LATERAL aclexplode(o.acl) AS a
        WHERE a.grantee <> o.relowner
        UNION ALL
        -- those on columns go with them; who had one from another than the owner has it on the new table
        SELECT DISTINCT 4, format('REVOKE ALL ON messages_unpartitioned FROM %s CASCADE',
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM pg_class AS c
        CROSS JOIN LATERAL (
            SELECT grantee FROM aclexplode(c.relacl)
            UNION ALL
            SELECT e.grantee FROM pg_attribute CROSS JOIN LATERAL aclexplode(attacl) AS e WHERE attrelid = c.oid
        ) AS a
        WHERE c.oid = 'messages'::regclass AND a.grantee <> c.relowner
        UNION ALL
        SELECT r.place, r.command
        FROM pg_trigger AS t
        CROSS JOIN LATERAL (
            VALUES (5, pg_get_triggerdef(t.oid)),
                (6, format('ALTER TABLE messages %s TRIGGER %I',
                    CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA'
                        ELSE 'ENABLE' END, t.tgname))
        ) AS r (place, command)
        WHERE t.tgrelid = 'messages'::regclass AND NOT t.tgisinternal AND t.tgname NOT LIKE 'messages\_mirror%'
    ) AS s;
    FOREACH command IN ARRAY commands LOOP
        EXECUTE command;
    END LOOP;

    -- an import that numbers its messages right now has the old sequence: 100,000 are left for such, an import's batch
    -- being half of that at most
    PERFORM setval('messages_id_seq', last_value + CASE WHEN is_called THEN 100000 ELSE 0 END, is_called)
    FROM messages_unpartitioned_id_seq;
    CREATE FUNCTION messages_forget() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $function$
    BEGIN
        DELETE FROM messages_unpartitioned WHERE chat_id = old.chat_id AND id = old.id;
        RETURN NULL;
    END
    $function$;
    REVOKE ALL ON FUNCTION messages_forget() FROM PUBLIC;
    -- who is erased is erased there, too; what moves to another chat would not be found again
    CREATE TRIGGER messages_forget AFTER DELETE OR UPDATE OF chat_id ON messages
    FOR EACH ROW EXECUTE FUNCTION messages_forget();
END
$switch$;
