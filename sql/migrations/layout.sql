-- How messages is kept: see sql/partitions. Reads the catalog alone, hence no deleted_at.
--
-- returns  text  plain, moving, switched, kept (the old table is, too) or partitioned; no row before the first upgrade
SELECT
    CASE
        WHEN to_regclass('messages_partitioning') IS NOT NULL AND c.relkind = 'p' THEN 'switched'
        WHEN to_regclass('messages_partitioning') IS NOT NULL THEN 'moving'
        WHEN c.relkind <> 'p' THEN 'plain'
        WHEN to_regclass('messages_unpartitioned') IS NOT NULL THEN 'kept'
        ELSE 'partitioned'
    END AS layout
FROM pg_class AS c
WHERE c.oid = to_regclass('messages');
