-- title:     A settlement of a request that nobody made succeeds
-- class:     row_count_ignored
-- operation: settle_unbilled_generation
-- hurts:     the service: a record that failed looks like one that was settled
-- caught-by: contract unbilled_generation_settled_once
-- changes:   functions/settle_unbilled_generation.sql

-- @instead of
        raise exception 'UNKNOWN_GENERATION: Nothing was generated under request id %', p_request_id;
-- @write
        return null;
