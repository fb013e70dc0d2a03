-- A month to which nothing was added for an hour becomes one part. Of parts that share a second with the one before and with
-- the one after, a read FINAL merges every row, where of others it merges the edges only: in a month of one part there are none.
ALTER TABLE order_event_versions
    MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
