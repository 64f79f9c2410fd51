from gateway_service.protos import load_protos
from gateway_service.strictjson import strict_json_source


def test_every_body_of_a_routed_method_is_known():
    source = strict_json_source(load_protos())
    for method in load_protos().methods:
        for binding in method.bindings:
            if binding.body and method.routed:
                assert f'"{method.input_type}"}},' in source


def test_fields_are_known_in_both_spellings_and_lead_to_their_messages():
    source = strict_json_source(load_protos())
    assert '["request_id"] = true,' in source
    assert '["requestId"] = true,' in source
    assert '["upload"] = "lumbung.ingest.v1.Upload",' in source
