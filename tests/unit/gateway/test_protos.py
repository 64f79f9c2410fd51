from gateway_service.protos import HttpBinding, load_protos


def _by_path():
    return {method.path: method for method in load_protos().methods}


def test_every_method_of_the_platform_states_who_may_call_it():
    assert [method.path for method in load_protos().methods if not method.ruled] == []


def test_a_method_carries_roles_and_rest_form():
    method = _by_path()["/lumbung.catalog.v1.DatasetService/GetDataset"]
    assert method.routed
    assert "viewer" in method.roles
    assert method.bindings == (HttpBinding("GET", "/v1/{name=datasets/*}", ""),)


def test_internal_methods_are_not_routed_and_have_no_rest_form():
    internal = [method for method in load_protos().methods if method.internal]
    assert internal
    assert [method.path for method in internal if method.routed or method.bindings] == []


def test_the_services_own_role_counts_for_nothing_outside():
    method = _by_path()["/inference.GRPCInferenceService/ModelInfer"]
    assert "service" in method.roles
    assert "service" not in method.public_roles


def test_streams_are_told_apart():
    methods = _by_path()
    assert methods["/lumbung.ingest.v1.UploadService/WriteUpload"].client_streaming
    assert methods["/lumbung.compute.v1.QueryService/RunQuery"].server_streaming
    assert not methods["/lumbung.catalog.v1.DatasetService/GetDataset"].streaming
