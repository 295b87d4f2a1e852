<?php
// A SimpleSAMLphp identity provider for the tests. Its key and its scratch space are in $TEMPACCESS_SSP.
$scratch = getenv('TEMPACCESS_SSP') . '/';
$config = [
    'baseurlpath' => getenv('TEMPACCESS_SSP_URL') . '/',
    'certdir' => $scratch,
    'loggingdir' => $scratch,
    'datadir' => $scratch,
    'tempdir' => $scratch,
    'metadatadir' => dirname(__DIR__) . '/metadata',
    'secretsalt' => 'only for tests on this machine',
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'technicalcontact_email' => 'tests@example.com',
    'timezone' => 'UTC',
    'logging.handler' => 'errorlog',
    'logging.level' => 3,
    'enable.saml20-idp' => true,
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => $scratch,
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'language.default' => 'en',
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'metadata.sources' => [['type' => 'flatfile']],
];
