-- How far the partitioning of messages came: its step, the rows that are done in it, of about how many, and partitions.
SELECT
    p.step, p.done, GREATEST(c.reltuples, 0)::bigint AS total, p.partitions
FROM messages_partitioning AS p
CROSS JOIN pg_class AS c
WHERE c.oid = 'messages'::regclass;
