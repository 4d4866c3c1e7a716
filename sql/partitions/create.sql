-- Makes messages_partitioned, empty, of all that the catalog knows of messages: the first step of partitioning it.
--
-- SET botcore.partitions says into how many; psql -1 -f sql/partitions/dependents.sql -f sql/partitions/create.sql.
-- Next is mirror.sql. What it is made of is read, not repeated here, so that it is right after the next migration too.
-- See docs/scaling.md.
DO $create$
DECLARE
    number CONSTANT integer := current_setting('botcore.partitions');
    options CONSTANT text := (
        SELECT 'WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = 'messages'::regclass
    );
    each record;
BEGIN
    -- the triggers' functions, which run as the owner, look nowhere else
    IF (SELECT relnamespace FROM pg_class WHERE oid = 'messages'::regclass) <> 'public'::regnamespace THEN
        RAISE EXCEPTION 'messages is not in the schema public' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    CREATE TABLE messages_partitioned (
        LIKE messages INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING DEFAULTS
        INCLUDING GENERATED INCLUDING STORAGE
    ) PARTITION BY HASH (chat_id);
    -- a sequence of its own, since an identity's cannot be given away
    ALTER TABLE messages_partitioned
        ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME messages_partitioned_id_seq);
    FOR i IN 0..number - 1 LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF messages_partitioned FOR VALUES WITH (MODULUS %s, REMAINDER %s) %s',
            'messages_p' || lpad(i::text, GREATEST(2, length(i::text)), '0'), number, i, options
        );
    END LOOP;

    FOR each IN
        SELECT
            CASE WHEN n.oid IS NOT NULL THEN
                format('ALTER TABLE messages_partitioned ADD CONSTRAINT %I %s', s.name, pg_get_constraintdef(n.oid))
            ELSE
                regexp_replace(
                    pg_get_indexdef(i.indexrelid), ' INDEX \S+ ON \S+ ',
                    format(' INDEX %I ON messages_partitioned ', s.name)
                )
            END AS command
        FROM pg_index AS i
        INNER JOIN pg_class AS c ON c.oid = i.indexrelid
        CROSS JOIN LATERAL (SELECT left(c.relname, 51) || '_partitioned' AS name) AS s
        LEFT JOIN pg_constraint AS n ON n.conindid = i.indexrelid AND n.conrelid = i.indrelid
        WHERE i.indrelid = 'messages'::regclass
          -- a failed CREATE INDEX CONCURRENTLY leaves one
          AND i.indisvalid
        UNION ALL
        -- each partition's own, too: the planner looks at no other ones for its rows
        SELECT
            regexp_replace(
                pg_get_statisticsobjdef(x.oid), '^CREATE STATISTICS \S+ (.*) FROM \S+$',
                format('CREATE STATISTICS %I \1 FROM %I', left(x.stxname, 40) || '_' || t.name, t.name)
            ) AS command
        FROM pg_statistic_ext AS x
        CROSS JOIN (
            SELECT relname AS name FROM pg_class
            WHERE oid IN (SELECT relid FROM pg_partition_tree('messages_partitioned'))
        ) AS t
        WHERE x.stxrelid = 'messages'::regclass
    LOOP
        EXECUTE each.command;
    END LOOP;

    -- theirs under names by which a person reads a plan
    FOR each IN
        SELECT format(
            'ALTER INDEX %I RENAME TO %I', c.relname,
            left(replace(p.relname, '_partitioned', ''), 53) || replace(t.relname, 'messages', '')
        ) AS command
        FROM pg_inherits AS h
        INNER JOIN pg_class AS c ON c.oid = h.inhrelid
        INNER JOIN pg_class AS p ON p.oid = h.inhparent
        INNER JOIN pg_index AS i ON i.indexrelid = c.oid
        INNER JOIN pg_class AS t ON t.oid = i.indrelid
        INNER JOIN pg_index AS o ON o.indexrelid = p.oid
        WHERE o.indrelid = 'messages_partitioned'::regclass
    LOOP
        EXECUTE each.command;
    END LOOP;

    -- how far it came: what is copied and compared of messages, by its primary key; then what is left for validate.sql
    CREATE TABLE messages_partitioning AS
    SELECT
        'create' AS step, number AS partitions, 0::bigint AS done,
        '-9223372036854775808'::bigint AS chat_id, '-9223372036854775808'::bigint AS id, '{}'::text[] AS commands;
END
$create$;
